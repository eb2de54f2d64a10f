//! Errors as HTTP responses.

use std::fmt;
use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::backend::storage::{StoreError, StoreErrorKind};
use crate::wire::ErrorBody;

/// An error for the client. Details meant for the operator only go to the log.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    detail: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, detail: impl fmt::Display) -> Self {
        Self { status, detail: detail.to_string(), retry_after: None }
    }

    pub(super) fn unprocessable(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    pub(super) fn not_found(detail: impl fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    pub(super) fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        let (status, detail) = match error.kind() {
            StoreErrorKind::Invalid => return Self::unprocessable(error),
            StoreErrorKind::Other | StoreErrorKind::Corrupt => {
                (StatusCode::INTERNAL_SERVER_ERROR, "something went wrong; it is in the log")
            }
            StoreErrorKind::Busy => (StatusCode::SERVICE_UNAVAILABLE, "the database is busy"),
            _ => (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be used at the moment"),
        };
        tracing::error!(%error, kind = ?error.kind(), "the database failed");
        Self::new(status, detail).retry_after(Duration::from_secs(1))
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = Json(ErrorBody { detail: self.detail });
        let mut response = (self.status, body).into_response();
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.retry_after {
            // In whole seconds, rounded up.
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
