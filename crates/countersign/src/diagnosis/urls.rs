//! The URLs that the sender may have signed.

use super::cause::Cause;
use super::change::{Change, Variant, change};
use super::percent;
use super::request::{Request, header_text};

/// A URL, in the pieces that go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url {
    pub(super) scheme: String,
    pub(super) host: String,
    /// With its colon, or empty.
    pub(super) port: String,
    pub(super) path: String,
    /// With its question mark, or empty.
    pub(super) query: String,
}

impl Url {
    /// Reads `https://host:port/path?query`.
    pub(super) fn read(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (authority, target) = match rest.find(['/', '?']) {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let (path, query) = split_target(target);
        let (host, port) = split_authority(authority);
        let path = if path.is_empty() { "/" } else { path };
        Some(Self {
            scheme: scheme.to_owned(),
            host: host.to_owned(),
            port: port.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
        })
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        format!("{}://{}{}", self.scheme, self.host, self.port)
    }

    /// The path and the query.
    pub(super) fn target(&self) -> String {
        format!("{}{}", self.path, self.query)
    }

    fn whole(&self) -> String {
        self.origin() + &self.target()
    }
}

fn split_target(target: &str) -> (&str, &str) {
    target.split_at(target.find('?').unwrap_or(target.len()))
}

/// The host, and the port with its colon.
fn split_authority(authority: &str) -> (&str, &str) {
    let after_address = authority.rfind(']').unwrap_or(0);
    match authority.rfind(':').filter(|colon| *colon >= after_address) {
        Some(colon) => authority.split_at(colon),
        None => (authority, ""),
    }
}

/// What the request itself says of the URL that was sent to.
struct Hints {
    hosts: Vec<String>,
    ports: Vec<String>,
    paths: Vec<String>,
    queries: Vec<String>,
    prefixes: Vec<String>,
}

impl Hints {
    fn of(request: &Request) -> Self {
        let (mut hosts, mut ports) = (Vec::new(), Vec::new());
        let mut authority = |text: &str| {
            let (host, port) = split_authority(text);
            hosts.push(host.to_ascii_lowercase());
            ports.push(port.to_owned());
        };
        for name in ["x-forwarded-host", "x-original-host", "host"] {
            if let Some(value) = header_text(&request.headers, name) {
                value.split(',').for_each(|host| authority(host.trim()));
            }
        }
        let forwarded = header_text(&request.headers, "forwarded").unwrap_or_default();
        for pair in forwarded.split([';', ',']) {
            if let Some((_, host)) =
                pair.split_once('=').filter(|(name, _)| name.trim().eq_ignore_ascii_case("host"))
            {
                authority(host.trim().trim_matches('"'));
            }
        }
        if let Some(port) = header_text(&request.headers, "x-forwarded-port") {
            ports.push(format!(":{}", port.trim()));
        }
        let (mut paths, mut queries) = (Vec::new(), Vec::new());
        let named = [
            "x-original-uri",
            "x-original-url",
            "x-forwarded-uri",
            "x-forwarded-path",
            "x-rewrite-url",
            "x-envoy-original-path",
            "x-request-uri",
            "x-replaced-path",
        ];
        let targets = named.iter().filter_map(|name| header_text(&request.headers, name));
        for target in targets.chain([request.target.clone()]) {
            let target = match Url::read(&target) {
                Some(url) => url.target(),
                None => target,
            };
            let (path, query) = split_target(target.trim());
            paths.push(path.to_owned());
            queries.push(query.to_owned());
        }
        let prefixes = ["x-forwarded-prefix", "x-script-name", "x-envoy-original-prefix"];
        let prefixes = prefixes.iter().filter_map(|name| header_text(&request.headers, name));
        let prefixes = prefixes.map(|prefix| prefix.trim().trim_end_matches('/').to_owned());
        Self { hosts, ports, paths, queries, prefixes: prefixes.collect() }
    }
}

/// The URLs with at most `most` things undone, those with fewer first.
pub(super) fn variants(given: &Url, request: &Request, most: usize) -> Vec<Variant<Url>> {
    let hints = Hints::of(request);
    let mut all = vec![Variant::given(given.clone())];
    // Each step changes one piece, so that no order of them is left out.
    let steps = [schemes, hosts, ports, paths, slashes, queries];
    for step in steps {
        for index in 0..all.len() {
            let Some(variant) = all.get(index).cloned() else { break };
            if variant.cost() >= most {
                continue;
            }
            step(&variant.value, &hints, &mut |url, undone| {
                if !all.iter().any(|known| known.value == url) {
                    all.push(variant.and(url, undone));
                }
            });
        }
    }
    all.sort_by_key(Variant::cost);
    all
}

fn undone(cause: Cause, what: &str, url: &Url) -> Change {
    change(cause, format!("The URL was signed {what}: {}", url.whole()))
}

fn schemes(url: &Url, _: &Hints, add: &mut dyn FnMut(Url, Change)) {
    let other = if url.scheme == "https" { "http" } else { "https" };
    let new = Url { scheme: other.to_owned(), ..url.clone() };
    let what = format!("with {other}, not {}", url.scheme);
    let says = undone(Cause::UrlScheme, &what, &new);
    add(new, says);
}

fn hosts(url: &Url, hints: &Hints, add: &mut dyn FnMut(Url, Change)) {
    let shorter = url.host.strip_prefix("www.").map(str::to_owned);
    let longer = shorter.is_none().then(|| format!("www.{}", url.host));
    let lower = Some(url.host.to_ascii_lowercase());
    for host in hints.hosts.iter().cloned().chain([shorter, longer, lower].into_iter().flatten()) {
        if host.is_empty() || host == url.host {
            continue;
        }
        let what = format!("for the host {host}, not for {}", url.host);
        let new = Url { host, ..url.clone() };
        let says = undone(Cause::UrlHost, &what, &new);
        add(new, says);
    }
}

fn ports(url: &Url, hints: &Hints, add: &mut dyn FnMut(Url, Change)) {
    let usual = ["", ":443", ":80", ":8080", ":8443", ":3000", ":8000", ":5000"].map(str::to_owned);
    for port in usual.into_iter().chain(hints.ports.iter().cloned()) {
        if port == url.port {
            continue;
        }
        let what = match (port.strip_prefix(':'), url.port.strip_prefix(':')) {
            (None, given) => format!("without the port {}", given.unwrap_or_default()),
            (Some(port), None) => format!("with the port {port}"),
            (Some(port), Some(given)) => format!("with the port {port}, not {given}"),
        };
        let new = Url { port, ..url.clone() };
        let says = undone(Cause::UrlPort, &what, &new);
        add(new, says);
    }
}

fn paths(url: &Url, hints: &Hints, add: &mut dyn FnMut(Url, Change)) {
    const COMMON: [&str; 12] = [
        "/api",
        "/v1",
        "/v2",
        "/prod",
        "/dev",
        "/staging",
        "/stage",
        "/hooks",
        "/webhooks",
        "/webhook",
        "/app",
        "/api/v1",
    ];
    let prefixed = hints.prefixes.iter().map(String::as_str).chain(COMMON);
    let prefixed = prefixed.map(|prefix| format!("{prefix}{}", url.path));
    let segments = url.path.match_indices('/').skip(1);
    let cut = segments.filter_map(|(at, _)| url.path.get(at..).map(str::to_owned));
    let joined = url.path.replace("//", "/");
    let decoded = percent_decode(&url.path);
    let lower = url.path.to_ascii_lowercase();
    let all = hints.paths.iter().cloned().chain(prefixed).chain(cut);
    for path in all.chain([joined, decoded, lower]) {
        let is_slash = path.trim_end_matches('/') == url.path.trim_end_matches('/');
        if path.is_empty() || is_slash {
            continue;
        }
        let what = format!("with the path {path}, not {}", url.path);
        let new = Url { path, ..url.clone() };
        let says = undone(Cause::UrlPath, &what, &new);
        add(new, says);
    }
}

fn slashes(url: &Url, _: &Hints, add: &mut dyn FnMut(Url, Change)) {
    let (path, what) = match url.path.strip_suffix('/') {
        // A URL of a host alone may be signed without any.
        Some(path) => (path.to_owned(), "without the slash at the end of its path"),
        None => (format!("{}/", url.path), "with a slash at the end of its path"),
    };
    let new = Url { path, ..url.clone() };
    let says = undone(Cause::UrlTrailingSlash, what, &new);
    add(new, says);
}

fn queries(url: &Url, hints: &Hints, add: &mut dyn FnMut(Url, Change)) {
    let mut all: Vec<String> = hints.queries.clone();
    all.push(String::new());
    for query in hints.queries.iter().chain([&url.query]) {
        let Some(pairs) = query.strip_prefix('?') else { continue };
        let pairs: Vec<&str> = pairs.split('&').collect();
        all.extend(orders(&pairs).iter().map(|order| format!("?{}", order.join("&"))));
        for left_out in 0..pairs.len() {
            let mut fewer = pairs.clone();
            fewer.remove(left_out);
            all.push(if fewer.is_empty() {
                String::new()
            } else {
                format!("?{}", fewer.join("&"))
            });
        }
        all.extend([
            percent_decode(query),
            query.replace("%20", "+"),
            query.replace('+', "%20"),
            query.replace("&amp;", "&"),
        ]);
    }
    for query in all {
        if query == url.query {
            continue;
        }
        let shown = if query.is_empty() { "none" } else { &query };
        let what = format!("with another query ({shown})");
        let new = Url { query, ..url.clone() };
        let says = undone(Cause::UrlQuery, &what, &new);
        add(new, says);
    }
}

/// All orders of a few, and the sorted one of many.
fn orders<'p>(pairs: &[&'p str]) -> Vec<Vec<&'p str>> {
    const FEW: usize = 5;
    let mut sorted = pairs.to_vec();
    sorted.sort_unstable();
    if pairs.len() > FEW {
        return vec![sorted];
    }
    let mut all = vec![Vec::new()];
    for pair in pairs {
        let longer = all.iter().flat_map(|order| {
            (0..=order.len()).map(move |at| {
                let mut order = order.clone();
                order.insert(at, *pair);
                order
            })
        });
        all = longer.collect();
    }
    all
}

fn percent_decode(text: &str) -> String {
    String::from_utf8(percent::decoded(text.as_bytes())).unwrap_or_else(|_| text.to_owned())
}
