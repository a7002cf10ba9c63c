//! A recording's file: whole, in one range (RFC 9110, section 14), or not at all because the client has it.

use std::io::SeekFrom;
use std::ops::Range;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::auth::{HostRecording, Named, ReadableRecording};
use super::error::Problem;
use super::{App, SharedApp};
use crate::domain::error::{Reason, Refusal};
use crate::domain::words::RecordingState;
use crate::rooms::api::Recording;

/// The MP4.
#[utoipa::path(get, path = "/recordings/{recording}/file", tag = "recordings",
    params(("recording" = String, Path), ("key" = Option<String>, Query, description = "Of a link, instead of a token")), security(("token" = [])),
    responses((status = 200, content_type = "video/mp4"), (status = 206, content_type = "video/mp4")))]
pub(super) async fn download(
    State(app): State<SharedApp>,
    ReadableRecording(recording): ReadableRecording,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let name = file_name(&recording)?;
    send(&app, &recording, name, &headers).await
}

/// One person's own media, where it was recorded.
#[utoipa::path(get, path = "/recordings/{recording}/tracks/{file}", tag = "recordings",
    params(("recording" = String, Path), ("file" = String, Path)), security(("token" = [])),
    responses((status = 200, content_type = "video/webm"), (status = 206, content_type = "video/webm")))]
pub(super) async fn download_track(
    State(app): State<SharedApp>,
    HostRecording(_room, recording): HostRecording,
    Named(named): Named<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    // Only what the recording names itself: nothing else of the folder, or of the disk, can be asked for.
    let track = recording.tracks.iter().find(|track| track.file == named.1);
    let track = track.ok_or_else(|| Problem::no_such("track of this recording"))?;
    if !matches!(recording.state, RecordingState::Complete | RecordingState::Failed) {
        return Err(Refusal::new(Reason::Conflict, "the recording is not finished: there is no file so far").into());
    }
    send(&app, &recording, &track.file, &headers).await
}

async fn send(app: &App, recording: &Recording, name: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let path: PathBuf = app.state.storage.recording_folder(recording.id).join(name);
    let mut file = tokio::fs::File::open(&path).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => match recording.upload.as_ref().filter(|upload| !upload.local) {
            Some(upload) => Refusal::new(Reason::Gone, format!("the file was moved to {}", upload.location)).into(),
            None => Problem::no_such("file of this recording any more"),
        },
        _ => error.into(),
    })?;
    let metadata = file.metadata().await?;
    let length = metadata.len();
    let changed = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let etag = format!("\"{}-{length:x}-{changed:x}\"", recording.id);
    let common = [
        (header::CONTENT_TYPE, HeaderValue::from_static(content_type(name))),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache")),
        (header::ETAG, header_value(&etag)),
        (header::CONTENT_DISPOSITION, header_value(&disposition(name))),
    ];
    if text(headers, header::IF_NONE_MATCH).is_some_and(|tags| has(tags, &etag)) {
        return Ok((StatusCode::NOT_MODIFIED, common).into_response());
    }
    let (status, range) = match wanted(headers, &etag, length) {
        Wanted::Whole => (StatusCode::OK, 0..length),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing => return Err(not_satisfiable(length)),
    };
    file.seek(SeekFrom::Start(range.start)).await?;
    let body = Body::from_stream(ReaderStream::with_capacity(file.take(range.end - range.start), 64 * 1024));
    let mut response = (status, common, body).into_response();
    let response_headers = response.headers_mut();
    response_headers.insert(header::CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
    if status == StatusCode::PARTIAL_CONTENT {
        let content_range = format!("bytes {}-{}/{length}", range.start, range.end - 1);
        response_headers.insert(header::CONTENT_RANGE, header_value(&content_range));
    }
    Ok(response)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("webm") => "video/webm",
        Some("mkv") => "video/x-matroska",
        _ => "video/mp4",
    }
}

fn file_name(recording: &Recording) -> Result<&str, Problem> {
    match recording.files.first() {
        Some(name) => Ok(name),
        None => Err(Refusal::new(Reason::Conflict, "the recording is not finished: there is no file so far").into()),
    }
}

/// What of the file is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<u64>),
    Nothing,
}

/// One range is served; several, or what is no range, may be answered with the whole (RFC 9110, section 14.2).
fn wanted(headers: &HeaderMap, etag: &str, length: u64) -> Wanted {
    let Some(range) = text(headers, header::RANGE) else { return Wanted::Whole };
    if text(headers, header::IF_RANGE).is_some_and(|tag| tag != etag) {
        return Wanted::Whole;
    }
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|set| set.trim().split_once('-')) else {
        return Wanted::Whole;
    };
    let number = |text: &str| {
        (!text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse().unwrap_or(u64::MAX))
    };
    let range = match (first, last, number(first), number(last)) {
        ("", _, None, Some(suffix)) => length.saturating_sub(suffix)..length,
        (_, "", Some(first), None) => first..length,
        (_, _, Some(first), Some(last)) if first <= last => first..length.min(last.saturating_add(1)),
        _ => return Wanted::Whole,
    };
    if range.start < range.end { Wanted::Part(range) } else { Wanted::Nothing }
}

fn not_satisfiable(length: u64) -> Problem {
    let detail = format!("the file has {length} bytes");
    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail)
        .with(header::CONTENT_RANGE, format!("bytes */{length}"))
}

/// The name in ASCII for old clients and in full for the others (RFC 6266, appendix D).
fn disposition(name: &str) -> String {
    let ascii: String = name.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '_' }).collect();
    let ascii = ascii.replace(['"', '\\', '%'], "_");
    let mut full = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            full.push(char::from(byte));
        } else {
            full.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{ascii}\"; filename*=UTF-8''{full}")
}

/// Whether a list of entity tags has this one.
pub(super) fn has(tags: &str, etag: &str) -> bool {
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// A header that is text, or nothing.
pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn header_value(text: &str) -> HeaderValue {
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (range, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=0-", Wanted::Part(0..100)),
            ("bytes=90-200", Wanted::Part(90..100)),
            ("bytes=-10", Wanted::Part(90..100)),
            ("bytes=-200", Wanted::Part(0..100)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=99999999999999999999999-", Wanted::Nothing),
            ("bytes=5-99999999999999999999999", Wanted::Part(5..100)),
            ("bytes=9-5", Wanted::Whole),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=-", Wanted::Whole),
            ("bytes=+1-5", Wanted::Whole),
            ("lines=1-2", Wanted::Whole),
        ] {
            let headers = HeaderMap::from_iter([(header::RANGE, range.parse().unwrap())]);
            assert_eq!(wanted(&headers, "\"e\"", 100), expected, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_version_is_not_served() {
        for (tag, expected) in [("\"e\"", Wanted::Part(1..3)), ("\"old\"", Wanted::Whole), ("W/\"e\"", Wanted::Whole)] {
            let pairs = [(header::RANGE, "bytes=1-2"), (header::IF_RANGE, tag)];
            let headers = pairs.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect();
            assert_eq!(wanted(&headers, "\"e\"", 100), expected, "{tag}");
        }
    }

    #[test]
    fn names_come_through_whole() {
        assert_eq!(
            disposition("Zoé \"1\".mp4"),
            "attachment; filename=\"Zo_ _1_.mp4\"; filename*=UTF-8''Zo%C3%A9%20%221%22.mp4"
        );
    }
}
