//! The API. `docs/inspector.md` describes it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::App;
use super::copy::{self, Form};
use super::events::events;
use super::guard::guard;
use super::history::Entry;
use super::problem::Problem;
use super::replay::{self, Ask};
use super::view::{self, Summary};
use crate::listen::{By, Mount};

/// How many deliveries are in one answer where nothing is asked for, and at most.
const ROWS: usize = 1000;
const MOST_ROWS: usize = 10_000;

/// How long a request's body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What a request's body may have beside a delivery's body.
const MARGIN: usize = 256 * 1024;

pub(super) fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/api/info", get(info))
        .route("/api/deliveries", get(list).delete(clear))
        .route("/api/deliveries/{number}", get(detail))
        .route("/api/deliveries/{number}/why", get(why))
        .route("/api/deliveries/{number}/copy", get(copied))
        .route("/api/deliveries/{number}/replay", post(replayed))
        .route("/api/reload", post(reload))
        .route("/events", get(events))
        .route("/login", get(page).post(login))
        .fallback(get(page))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), guard))
        .with_state(app)
}

async fn page(uri: Uri) -> Response {
    super::page::answer(uri.path())
}

async fn info(State(app): State<Arc<App>>) -> Json<Value> {
    let mut targets = Vec::new();
    for mount in app.routes.mounts() {
        if let By::Forwarding(forwarder) = app.routes.handling().by(mount) {
            let new = forwarder.targets().into_iter().filter(|target| !targets.contains(target));
            targets.extend(new.collect::<Vec<_>>());
        }
    }
    let forward = targets
        .into_iter()
        .map(|(pattern, url)| json!({ "pattern": pattern, "url": super::redact::url(&url) }));
    let endpoints = app.routes.mounts().iter();
    let endpoints = endpoints.map(|mount| view::endpoint(mount, replay::key(mount).is_ok()));
    let (keep, size) = (app.history.keep(), app.history.size());
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "endpoints": endpoints.collect::<Vec<_>>(),
        "forward": forward.collect::<Vec<_>>(),
        "store": &app.about.store,
        "keeps": { "deliveries": keep.deliveries, "bytes": keep.bytes, "file": &app.about.file },
        "kept": { "deliveries": size.deliveries, "bytes": size.bytes },
        "listening": &app.about.listening,
    }))
}

/// What a query asks for.
#[derive(Default)]
struct Wanted {
    limit: Option<usize>,
    before: Option<u64>,
    text: Option<String>,
    outcome: Option<String>,
    endpoint: Option<String>,
    form: Option<String>,
}

impl Wanted {
    fn read(query: Option<&str>) -> Result<Self, Problem> {
        let mut wanted = Self::default();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let number = || Problem::bad(format!("`{name}` takes a number, such as {name}=100."));
            match &*name {
                "limit" => wanted.limit = Some(value.parse().map_err(|_| number())?),
                "before" => wanted.before = Some(value.parse().map_err(|_| number())?),
                "q" => wanted.text = Some(value.to_lowercase()),
                "outcome" => wanted.outcome = Some(value.into_owned()),
                "endpoint" => wanted.endpoint = Some(value.into_owned()),
                "as" => wanted.form = Some(value.into_owned()),
                _ => {}
            }
        }
        Ok(wanted)
    }
}

async fn list(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Response, Problem> {
    let wanted = Wanted::read(query.as_deref())?;
    let limit = wanted.limit.unwrap_or(ROWS).clamp(1, MOST_ROWS);
    let entries = app.history.before(wanted.before);
    let summaries = entries.iter().map(Summary::of);
    let words = wanted.text.unwrap_or_default();
    let (outcome, endpoint) = (wanted.outcome.as_deref(), wanted.endpoint.as_deref());
    let mut wanted = summaries.filter(|summary| {
        summary.is(outcome, endpoint) && words.split_whitespace().all(|word| summary.has(word))
    });
    let deliveries: Vec<_> = wanted.by_ref().take(limit).collect();
    let more = wanted.next().is_some();
    #[derive(serde::Serialize)]
    struct Answer<'a> {
        deliveries: Vec<Summary<'a>>,
        more: bool,
    }
    Ok(Json(Answer { deliveries, more }).into_response())
}

/// A delivery that is kept, by its number.
fn find(app: &App, number: &str) -> Result<Entry, Problem> {
    let found = number.parse().ok().and_then(|number| app.history.get(number));
    found.ok_or_else(|| {
        match number.bytes().all(|byte| byte.is_ascii_digit()) && number.len() < 20 {
            true => Problem::not_kept(number),
            false => Problem::new(StatusCode::NOT_FOUND, "A delivery has a number, such as 17."),
        }
    })
}

/// The endpoint that a delivery came to, where there is one.
pub(super) fn mount<'a>(app: &'a App, entry: &Entry) -> Option<&'a Arc<Mount>> {
    app.routes.mount(entry.record.endpoint.as_deref()?)
}

async fn detail(
    State(app): State<Arc<App>>,
    Path(number): Path<String>,
) -> Result<Json<Value>, Problem> {
    let entry = find(&app, &number)?;
    let attempts = match &entry.record.facts {
        Some(facts) => app.history.of_event(&facts.key),
        None => vec![entry.clone()],
    };
    let current = mount(&app, &entry).map(|mount| mount.current());
    let cannot_sign = replay::signing(&app, &entry).err().map(|problem| problem.says);
    let detail = view::detail(&entry, &attempts, current.as_deref(), cannot_sign, &app.redaction);
    detail.map(Json).map_err(|error| Problem::cannot(format!("It cannot be shown: {error}.")))
}

async fn why(
    State(app): State<Arc<App>>,
    Path(number): Path<String>,
) -> Result<Json<Value>, Problem> {
    let entry = find(&app, &number)?;
    app.why.answer(&app, &entry).await.map(Json)
}

async fn copied(
    State(app): State<Arc<App>>,
    Path(number): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let entry = find(&app, &number)?;
    let form = match Wanted::read(query.as_deref())?.form.as_deref() {
        Some("curl") => Form::Curl,
        Some("rust") => Form::Rust,
        Some("verify") => Form::Verify,
        _ => return Err(Problem::bad("`as` is curl, rust or verify.")),
    };
    let bytes = copy::of(&app, &entry, form)?;
    let kind = match std::str::from_utf8(&bytes) {
        Ok(_) => "text/plain; charset=utf-8",
        Err(_) => "application/octet-stream",
    };
    Ok(([(CONTENT_TYPE, kind)], bytes).into_response())
}

async fn replayed(
    State(app): State<Arc<App>>,
    Path(number): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let entry = find(&app, &number)?;
    let bodies = app.routes.mounts().iter().map(|mount| mount.current().endpoint.max_body());
    // JSON writes a byte as up to six characters.
    let most = bodies.max().unwrap_or_default().saturating_mul(2).saturating_add(MARGIN);
    let ask: Ask = read(&headers, body, most).await?;
    replay::replay(&app, &entry, ask).await.map(Json)
}

async fn clear(State(app): State<Arc<App>>) -> StatusCode {
    app.history.clear();
    app.why.forget();
    StatusCode::NO_CONTENT
}

async fn reload(State(app): State<Arc<App>>) -> Result<Json<Value>, Problem> {
    let reading = Arc::clone(&app);
    // Files are read.
    let read = tokio::task::spawn_blocking(move || {
        let mounts = reading.routes.mounts();
        // All or none: what is said of a mistake holds for each.
        let made = mounts.iter().map(|mount| mount.make_again()).collect::<Result<Vec<_>, _>>()?;
        for (mount, made) in mounts.iter().zip(made) {
            if let Some(made) = made {
                mount.replace(made);
            }
        }
        Ok::<_, String>(())
    });
    match read.await {
        Ok(Ok(())) => {
            let mounts = app.routes.mounts();
            let names = mounts.iter().map(|mount| mount.name.to_string());
            tracing::info!("the secrets are read again");
            Ok(Json(json!({
                "endpoints": names.collect::<Vec<_>>(),
                "from_environment": from_environment(mounts),
            })))
        }
        Ok(Err(problem)) => {
            Err(Problem::cannot(format!("The secrets stay as they are: {problem}.")))
        }
        Err(_) => Err(Problem::cannot("The secrets stay as they are: they cannot be read.")),
    }
}

/// The sources that a running process cannot see a new value of.
fn from_environment(mounts: &[Arc<Mount>]) -> Vec<String> {
    let mut sources = Vec::new();
    for mount in mounts {
        for source in mount.fixed_sources() {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    sources
}

#[derive(Deserialize)]
struct Login {
    token: String,
}

async fn login(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Login { token } = read(&headers, body, 16 * 1024).await?;
    app.guard.login(&token).await
}

/// Reads a body of JSON, and not more of it than this.
async fn read<T: DeserializeOwned>(
    headers: &HeaderMap,
    body: Body,
    most: usize,
) -> Result<T, Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The body has to be JSON, with `Content-Type: application/json`.",
        ));
    }
    let body: Bytes = match timeout(BODY_TIMEOUT, axum::body::to_bytes(body, most)).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("The body is larger than {most} bytes, or it broke off."),
            ));
        }
        Err(_) => {
            return Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "The body came too slowly."));
        }
    };
    serde_json::from_slice(&body)
        .map_err(|error| Problem::bad(format!("The body cannot be read: {error}.")))
}
