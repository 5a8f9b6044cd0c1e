//! Who gets in. Everything that is asked of the inspector passes here first:
//!
//! 1. `Host` has to be the inspector's own address, so that no other name can be pointed at it (DNS
//!    rebinding): 421.
//! 2. Nothing is given to a page of another site, as the browser says in `Sec-Fetch-Site`: 403.
//! 3. What changes something needs a header that no other site's page can send, and comes from the
//!    inspector's own page: 403.
//! 4. Where there is a token, it has been shown: 401.
//!
//! Every answer has headers that keep other pages from using it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::App;
use super::problem::Problem;
use super::token::{Shown, Token};

/// What the inspector's own page sends with everything that changes something.
const OWN: &str = "x-countersign-inspector";

/// On every answer.
const HEADERS: [(&str, &str); 8] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
         img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=()"),
];

/// What is known of the inspector's address, and the token.
#[derive(Debug)]
pub(super) struct Guard {
    /// The values of `Host`, in lower case.
    hosts: Vec<String>,
    port: u16,
    /// It listens at every address of the machine. An address as a `Host` is then the machine's own, and
    /// no name that somebody could point elsewhere.
    at_any_address: bool,
    token: Option<Token>,
}

impl Guard {
    /// For an inspector at `HOST:PORT`, which became this address.
    pub(super) fn new(given: &str, addr: SocketAddr, token: Option<Token>) -> Self {
        let port = addr.port();
        let given = given.rsplit_once(':').map_or(given, |(host, _)| host).to_ascii_lowercase();
        let bound = match addr.ip() {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        let names = ["127.0.0.1", "localhost", "[::1]", &*given, &*bound];
        let mut hosts: Vec<_> = names.iter().map(|name| format!("{name}:{port}")).collect();
        if port == 80 {
            hosts.extend(names.iter().map(|name| (*name).to_owned()));
        }
        Self { hosts, port, at_any_address: addr.ip().is_unspecified(), token }
    }

    fn is_host(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        let is_address = || {
            let addr = host.parse::<SocketAddr>();
            addr.is_ok_and(|addr| addr.port() == self.port)
        };
        self.hosts.contains(&host) || (self.at_any_address && is_address())
    }

    /// The one value of `Host`, where it is the inspector's.
    fn host<'r>(&self, request: &'r Request) -> Option<&'r str> {
        let host = only(request.headers(), &HOST)?;
        // A request line with a whole URL has a host, too.
        let of_line = request.uri().authority().map(|authority| authority.as_str());
        let is_ours = self.is_host(host) && of_line.is_none_or(|other| self.is_host(other));
        is_ours.then_some(host)
    }

    /// Whether the page that asks is the inspector's own, or none.
    fn check_site(&self, request: &Request, host: &str) -> Result<(), Problem> {
        let foreign = |says: &str| {
            Problem::new(StatusCode::FORBIDDEN, format!("Another page asked this. {says}"))
        };
        let headers = request.headers();
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD);
        // A link from elsewhere may lead to the page. What it shows is asked for by the page itself.
        let is_page = request.uri().path() == "/" || request.uri().path() == "/login";
        if headers.contains_key("sec-fetch-site") && (changes || !is_page) {
            let site = only(headers, &HeaderName::from_static("sec-fetch-site"));
            // `none` is a person who typed the address.
            if !(site == Some("same-origin") || (site == Some("none") && !changes)) {
                return Err(foreign("`Sec-Fetch-Site` is not same-origin."));
            }
        }
        if headers.contains_key(ORIGIN) {
            let origin = only(headers, &ORIGIN).unwrap_or_default();
            let of_origin =
                origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
            if of_origin.is_none_or(|of_origin| !of_origin.eq_ignore_ascii_case(host)) {
                return Err(foreign("`Origin` is not the inspector's own."));
            }
        }
        if changes && only(headers, &HeaderName::from_static(OWN)) != Some("1") {
            return Err(Problem::new(
                StatusCode::FORBIDDEN,
                "A request that changes something needs the header `X-Countersign-Inspector: 1`.",
            ));
        }
        Ok(())
    }

    /// Whether the one who asks has shown the token.
    async fn check_token(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let Some(token) = &self.token else { return Ok(()) };
        if self.session(headers).any(|session| token.is_session(session)) {
            return Ok(());
        }
        let shown = only(headers, &AUTHORIZATION).and_then(|value| {
            let (word, shown) = value.split_once(' ')?;
            word.eq_ignore_ascii_case("bearer").then_some(shown.trim())
        });
        match shown {
            Some(shown) => judged(token.judge(shown).await),
            None => Err(Problem::new(
                StatusCode::UNAUTHORIZED,
                "The inspector asks for its token: log in at /login, or send `Authorization: Bearer`.",
            )),
        }
    }

    /// The values of the inspector's cookie.
    fn session<'h>(&self, headers: &'h HeaderMap) -> impl Iterator<Item = &'h str> {
        let name = self.cookie();
        let cookies = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        cookies.flat_map(|value| value.split(';')).filter_map(move |cookie| {
            let (other, value) = cookie.split_once('=')?;
            (other.trim() == name).then_some(value.trim())
        })
    }

    /// Cookies know no ports, and there may be several inspectors.
    fn cookie(&self) -> String {
        format!("countersign_inspector_{}", self.port)
    }

    /// The answer to a token that was typed in.
    pub(super) async fn login(&self, shown: &str) -> Result<Response, Problem> {
        let Some(token) = &self.token else {
            return Ok(StatusCode::NO_CONTENT.into_response());
        };
        judged(token.judge(shown).await)?;
        let cookie =
            format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie(), token.session());
        let mut answer = StatusCode::NO_CONTENT.into_response();
        if let Ok(mut cookie) = HeaderValue::try_from(cookie) {
            cookie.set_sensitive(true);
            answer.headers_mut().insert(SET_COOKIE, cookie);
        }
        Ok(answer)
    }
}

fn judged(shown: Shown) -> Result<(), Problem> {
    match shown {
        Shown::Right => Ok(()),
        Shown::Wrong => Err(Problem::new(StatusCode::UNAUTHORIZED, "That is not the token.")),
        Shown::Busy => Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many tokens are being tried; wait a minute.",
        )),
    }
}

/// A header's value, if it is there once and is text.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).into_iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Lets a request pass, or answers it.
pub(super) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let (is_start, needs_token) = (path == "/", needs_token(path));
    let mut allowed = check(&app.guard, &request);
    let mut refused_token = false;
    if allowed.is_ok() && needs_token {
        // A request's body cannot be shared with what waits here, its head can.
        let headers = request.headers().clone();
        allowed = app.guard.check_token(&headers).await;
        refused_token = allowed.is_err();
    }
    let mut answer = match allowed {
        Ok(()) => next.run(request).await,
        Err(_) if is_start && refused_token => {
            (StatusCode::SEE_OTHER, [(LOCATION, "/login")]).into_response()
        }
        Err(problem) => problem.into_response(),
    };
    for (name, value) in HEADERS {
        answer.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    answer
}

/// Whether the request may be answered to somebody who has shown the token.
fn check(guard: &Guard, request: &Request) -> Result<(), Problem> {
    let host = guard.host(request).ok_or_else(|| {
        Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "This is not the inspector's address: open the URL that the program has said.",
        )
    })?;
    guard.check_site(request, host)
}

/// What the login needs, and the page without anything on it, are no secrets.
fn needs_token(path: &str) -> bool {
    path != "/login" && !super::page::is_file(path)
}
