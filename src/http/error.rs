//! The one map from refusals to statuses, and the problem document (RFC 9457) that every error is.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::domain::error::{Reason, Refusal};
use crate::protocol::rest;
use crate::rooms::api::StoreError;

/// An error on its way to the client.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem that only HTTP knows.
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into(), headers: Vec::new() }
    }

    pub(super) fn with(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.headers.push((name, value));
        }
        self
    }

    /// 400: a person cannot have meant it.
    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Refusal::new(Reason::InvalidRequest, detail).into()
    }

    /// 401 without a token.
    pub(super) fn token_needed() -> Self {
        Self::from(Refusal::new(
            Reason::Unauthorized,
            "this needs Authorization: Bearer with the host token or an API key",
        ))
        .with(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"veranda\""))
    }

    /// 401 with a token that nobody knows (RFC 6750, section 3).
    pub(super) fn bad_token() -> Self {
        Self::from(Refusal::new(Reason::Unauthorized, "nobody knows this token")).with(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Bearer realm=\"veranda\", error=\"invalid_token\""),
        )
    }

    /// 403: a good token, for something else.
    pub(super) fn not_yours() -> Self {
        Refusal::new(Reason::Forbidden, "this token belongs to another room").into()
    }

    /// 404 for a path that leads nowhere.
    pub(super) fn no_such_page() -> Self {
        Refusal::new(Reason::NotFound, "there is nothing here").into()
    }

    /// 404 for an id of ours that is nobody's.
    pub(super) fn no_such(what: &str) -> Self {
        Refusal::new(Reason::NotFound, format!("there is no such {what}")).into()
    }

    #[cfg(test)]
    pub(super) fn parts(&self) -> (StatusCode, &'static str, &str) {
        (self.status, self.code, &self.detail)
    }
}

/// The status of each reason, as the contract has it.
fn status(reason: Reason) -> StatusCode {
    match reason {
        Reason::InvalidRequest => StatusCode::BAD_REQUEST,
        Reason::Unauthorized => StatusCode::UNAUTHORIZED,
        Reason::Forbidden | Reason::Removed | Reason::NotAdmitted => StatusCode::FORBIDDEN,
        Reason::NotFound => StatusCode::NOT_FOUND,
        Reason::Conflict | Reason::RoomFull => StatusCode::CONFLICT,
        Reason::Gone => StatusCode::GONE,
        Reason::OutOfRange | Reason::BadOffer => StatusCode::UNPROCESSABLE_ENTITY,
        Reason::Locked => StatusCode::LOCKED,
        Reason::TooMany => StatusCode::TOO_MANY_REQUESTS,
        Reason::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Reason::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = Self::new(status(refusal.reason), refusal.reason.code(), refusal.message);
        match refusal.reason {
            Reason::Unavailable => problem.with(header::RETRY_AFTER, HeaderValue::from_static("5")),
            _ => problem,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "the data folder fails");
        Refusal::from(error).into()
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        tracing::error!(%error, "a file fails");
        Refusal::new(Reason::Internal, "a file on the server can't be read").into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = rest::Problem {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: self.detail,
            code: self.code.to_owned(),
        };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.headers);
        response
    }
}
