//! The page: files that are part of the program.

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

macro_rules! files {
    ($($name:literal $kind:ident,)+) => {
        &[$((concat!("/", $name), $kind, include_bytes!(concat!("page/", $name)) as &[u8]),)+]
    };
}

/// Path, type and content.
const FILES: &[(&str, &str, &[u8])] = files! {
    "api.js" SCRIPT,
    "app.js" SCRIPT,
    "attempts.js" SCRIPT,
    "body.js" SCRIPT,
    "copy.js" SCRIPT,
    "deliveries.js" SCRIPT,
    "detail.css" STYLE,
    "detail.js" SCRIPT,
    "dom.js" SCRIPT,
    "feed.js" SCRIPT,
    "filters.js" SCRIPT,
    "format.js" SCRIPT,
    "icon.svg" IMAGE,
    "index.html" HTML,
    "json.js" SCRIPT,
    "keys.js" SCRIPT,
    "list.css" STYLE,
    "list.js" SCRIPT,
    "login.html" HTML,
    "login.js" SCRIPT,
    "notice.js" SCRIPT,
    "parts.js" SCRIPT,
    "replay.js" SCRIPT,
    "style.css" STYLE,
    "theme.js" SCRIPT,
    "themes.js" SCRIPT,
    "welcome.js" SCRIPT,
    "why.js" SCRIPT,
};

/// Whether this is a file of the page. `/` is one too, and only for who has shown the token.
pub(super) fn is_file(path: &str) -> bool {
    find(path).is_some()
}

/// The answer to a path; nothing is there for all others.
pub(super) fn answer(path: &str) -> Response {
    let path = match path {
        "/" => "/index.html",
        "/login" => "/login.html",
        path => path,
    };
    match find(path) {
        Some((kind, content)) => ([(CONTENT_TYPE, kind)], content).into_response(),
        None => (StatusCode::NOT_FOUND, "There is nothing here.\n").into_response(),
    }
}

fn find(path: &str) -> Option<(&'static str, &'static [u8])> {
    FILES.iter().find(|(name, ..)| *name == path).map(|(_, kind, content)| (*kind, *content))
}
