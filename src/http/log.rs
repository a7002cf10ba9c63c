//! One line and one count a request, by the route's pattern: paths hold invitations.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

/// Log and count what passes.
pub(super) async fn requests(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("none", |path| path.as_str()).to_owned();
    let method = method_name(request.method());
    let response = next.run(request).await;
    let (status, took) = (response.status().as_u16(), began.elapsed());
    crate::metrics::request(&route, method, status, took);
    if status >= 500 {
        tracing::warn!(method, route, status, ?took, "request failed");
    } else {
        tracing::debug!(method, route, status, ?took, "request");
    }
    response
}

/// A closed set: a method is text that anybody may invent, and each would be a new time series.
fn method_name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}
