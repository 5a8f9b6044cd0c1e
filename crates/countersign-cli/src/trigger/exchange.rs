//! A request and its answer.

use std::fmt;
use std::time::{Duration, Instant};

use axum::http::{Request, Uri};
use bytes::Bytes;
use countersign::ErrorChain;
use countersign::signing::SignedRequest;
use http_body_util::{BodyExt as _, Full, Limited};
use tokio::time::timeout;

use super::event::Plan;
use crate::forward::{self, HttpClient};

/// How long a provider waits that does not say so.
const USUAL_PATIENCE: Duration = Duration::from_secs(30);

/// How much of an answer's body is read.
const MOST_OF_BODY: usize = 64 * 1024;

/// The way to the receiver. Cheap to clone.
#[derive(Clone)]
pub(super) struct Exchange {
    client: HttpClient,
    /// Scheme and host.
    origin: String,
    patience: Duration,
}

/// What came back.
pub(super) struct Answer {
    /// The status and the body's beginning, or why there is none.
    pub(super) came: Result<(u16, Bytes), String>,
    elapsed: Duration,
}

impl Exchange {
    pub(super) fn new(plan: &Plan) -> Result<Self, String> {
        let url: Uri = forward::parse("--to", &plan.to)?;
        let (scheme, host) = (url.scheme_str(), url.authority());
        let origin =
            format!("{}://{}", scheme.unwrap_or("http"), host.map_or("", |host| host.as_str()));
        let patience = plan.sender.provider().answer_within().unwrap_or(USUAL_PATIENCE);
        Ok(Self { client: forward::client()?, origin, patience })
    }

    pub(super) async fn send(&self, request: &SignedRequest) -> Answer {
        let start = Instant::now();
        let came = timeout(self.patience, self.exchange(request)).await;
        let late = || format!("no answer within {}", humantime::format_duration(self.patience));
        Answer { came: came.unwrap_or_else(|_| Err(late())), elapsed: start.elapsed() }
    }

    async fn exchange(&self, signed: &SignedRequest) -> Result<(u16, Bytes), String> {
        let uri = format!("{}{}", self.origin, signed.target());
        let mut request = Request::builder().method(signed.method()).uri(uri);
        for (name, value) in signed.headers() {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(signed.body().clone()))
            .map_err(|error| format!("that cannot be sent: {error}"))?;
        let answer = self.client.request(request).await;
        let answer = answer.map_err(|error| format!("no answer: {}", ErrorChain::of(&error)))?;
        let (head, body) = answer.into_parts();
        // A body that is too long or breaks off changes nothing: the status has been given.
        let body = Limited::new(body, MOST_OF_BODY).collect().await;
        Ok((head.status.as_u16(), body.map(|body| body.to_bytes()).unwrap_or_default()))
    }
}

impl Answer {
    pub(super) fn status(&self) -> Option<u16> {
        self.came.as_ref().ok().map(|(status, _)| *status)
    }
}

/// `200 OK in 3 ms: {"status":"duplicate"}`.
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How much of the body is shown.
        const SHOWN: usize = 200;
        let (status, body) = match &self.came {
            Ok((status, body)) => (*status, body),
            Err(why) => return f.write_str(why),
        };
        let name = axum::http::StatusCode::from_u16(status).ok();
        let name = name.and_then(|status| status.canonical_reason()).unwrap_or("");
        write!(f, "{status} {name} in {} ms", self.elapsed.as_millis())?;
        let body = String::from_utf8_lossy(body);
        // On one line, and nothing that a terminal would act on.
        let shown = body.trim().chars().map(|c| if c.is_control() { ' ' } else { c });
        let shown: String = shown.take(SHOWN).collect();
        if shown.is_empty() { Ok(()) } else { write!(f, ": {shown}") }
    }
}
