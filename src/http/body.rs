//! Request bodies: JSON whose mistakes are named by field, and SDP.

use axum::body::{Body, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::de::DeserializeOwned;

use super::error::Problem;

const JSON_LIMIT: usize = 64 * 1024;

/// A JSON body. An empty one counts as `{}`: every field of most requests is optional.
#[derive(Debug)]
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(&parts.headers, body, JSON_LIMIT).await?;
        if bytes.is_empty() {
            return parse(b"{}").map(Self);
        }
        if !is_type(&parts.headers, "application/json") {
            return Err(unsupported("application/json"));
        }
        parse(&bytes).map(Self)
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let path = error.path().to_string();
        let reason = plain(&error.into_inner());
        // serde names unknown and missing fields itself; the path names those with a wrong value.
        let named = path == "." || path == "?" || reason.contains(&format!("`{path}`"));
        Problem::invalid(if named { reason } else { format!("{path}: {reason}") })
    })?;
    deserializer.end().map_err(|error| Problem::invalid(plain(&error)))?;
    Ok(value)
}

/// serde's sentence without the place in the text, and short whatever was sent.
pub(super) fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(sentence, _)| sentence);
    text.chars().take(300).collect()
}

/// The whole body, unless it is larger than it may be.
pub(super) async fn read(headers: &HeaderMap, body: Body, limit: usize) -> Result<bytes::Bytes, Problem> {
    let declared = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if declared.is_some_and(|length| length > limit as u64) {
        return Err(too_large(limit));
    }
    to_bytes(body, limit).await.map_err(|error| {
        let error = error.into_inner();
        // axum gives the limit's error only by its text.
        if error.to_string().contains("length limit") {
            too_large(limit)
        } else {
            Problem::invalid("the body ended early")
        }
    })
}

/// Whether the body says it is of this type, parameters aside.
pub(super) fn is_type(headers: &HeaderMap, wanted: &str) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(wanted)
}

/// 415, with the type that would do.
pub(super) fn unsupported(wanted: &'static str) -> Problem {
    let detail = format!("the body must be sent with Content-Type: {wanted}");
    Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
        .with(header::ACCEPT, HeaderValue::from_static(wanted))
}

fn too_large(limit: usize) -> Problem {
    let detail = format!("the body is larger than {} KiB", limit / 1024);
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::rest::{NewRoom, NewStream};

    fn refused<T: DeserializeOwned + std::fmt::Debug>(body: &str) -> String {
        let problem = parse::<T>(body.as_bytes()).unwrap_err();
        assert_eq!((problem.parts().0, problem.parts().1), (StatusCode::BAD_REQUEST, "invalid_request"));
        problem.parts().2.to_owned()
    }

    #[test]
    fn each_mistake_is_named() {
        for (body, part) in [
            (r#"{"colour": "red"}"#, "`colour`"),
            (r#"{"locked": "yes"}"#, "locked: "),
            (r#"{"activity": "sleep"}"#, "`sleep`"),
            (r#"{"max_participants": 2.5}"#, "max_participants: "),
            (r#"{"name": "a", "name": "b"}"#, "`name`"),
            ("[]", "invalid"),
            ("{", "EOF"),
            ("{} {}", "trailing"),
            ("\"\\ud800\"", ""),
        ] {
            let detail = refused::<NewRoom>(body);
            assert!(detail.contains(part), "{body}: {detail}");
        }
        assert!(refused::<NewStream>("{}").contains("`url`"));
    }

    #[test]
    fn a_deep_body_is_refused_without_a_deep_stack() {
        refused::<NewRoom>(&"[".repeat(60_000));
        refused::<NewRoom>(&format!("{{\"name\":{}", "[".repeat(60_000)));
    }
}
