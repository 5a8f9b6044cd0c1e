//! What cannot be done, as an answer: a status and a sentence.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A status, and why in a sentence for people.
#[derive(Clone, Debug)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) says: String,
}

impl Problem {
    pub(super) fn new(status: StatusCode, says: impl Into<String>) -> Self {
        Self { status, says: says.into() }
    }

    /// The delivery of this number is not here.
    pub(super) fn not_kept(number: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("Delivery {number} is not kept any more."))
    }

    /// It makes no sense for this delivery.
    pub(super) fn conflict(says: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, says)
    }

    /// What was asked for cannot be understood.
    pub(super) fn bad(says: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, says)
    }

    /// It was understood, and cannot be done.
    pub(super) fn cannot(says: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, says)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.says }))).into_response()
    }
}
