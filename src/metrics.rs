//! Counters and gauges, told as Prometheus text. Anybody counts through the `metrics` macros; this file names and renders.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

const ROOMS: &str = "veranda_rooms";
const PARTICIPANTS: &str = "veranda_participants";
const REQUESTS: &str = "veranda_http_requests_total";
const REQUEST_SECONDS: &str = "veranda_http_request_seconds";
const SOCKET_DROPS: &str = "veranda_socket_drops_total";

/// What `/metrics` tells. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Metrics {
    recorder: PrometheusHandle,
}

impl Metrics {
    /// The process's metrics, collected from the first call on.
    pub fn install() -> Self {
        static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
        let recorder = RECORDER.get_or_init(|| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            if metrics::set_global_recorder(recorder).is_err() {
                tracing::warn!("metrics are collected by somebody else");
            }
            describe();
            handle
        });
        Self { recorder: recorder.clone() }
    }

    /// All of it as text.
    pub fn render(&self) -> String {
        self.recorder.run_upkeep();
        self.recorder.render()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

fn describe() {
    metrics::describe_gauge!(ROOMS, "Rooms that are kept, whether somebody is in them or not");
    metrics::describe_gauge!(PARTICIPANTS, "People connected now, by the door they came through");
    metrics::describe_counter!(REQUESTS, "HTTP requests by route, method and status");
    metrics::describe_histogram!(REQUEST_SECONDS, metrics::Unit::Seconds, "Time to answer a request");
    metrics::describe_counter!(SOCKET_DROPS, "Packets and connections dropped at the media port, by reason");
    for door in ["browser", "whip", "whep"] {
        metrics::gauge!(PARTICIPANTS, "kind" => door).set(0.0);
    }
}

/// So many rooms are kept.
pub fn rooms(count: u32) {
    metrics::gauge!(ROOMS).set(f64::from(count));
}

/// A request was answered. `route` is the pattern, never the path.
pub fn request(route: &str, method: &'static str, status: u16, took: Duration) {
    let (route, status) = (route.to_owned(), status.to_string());
    metrics::histogram!(REQUEST_SECONDS, "route" => route.clone()).record(took);
    metrics::counter!(REQUESTS, "route" => route, "method" => method, "status" => status).increment(1);
}

/// Somebody who is connected, for as long as this lives.
#[derive(Debug)]
pub struct Present(&'static str);

impl Present {
    /// Through which door: `browser`, `whip` or `whep`.
    pub fn new(kind: &'static str) -> Self {
        metrics::gauge!(PARTICIPANTS, "kind" => kind).increment(1.0);
        Self(kind)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        metrics::gauge!(PARTICIPANTS, "kind" => self.0).decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_told() {
        let metrics = Metrics::install();
        request("/test/{room}", "GET", 200, Duration::from_millis(3));
        request("/test/{room}", "GET", 200, Duration::from_millis(3));
        let present = Present::new("test");
        let text = Metrics::install().render();
        let counted = "veranda_http_requests_total{route=\"/test/{room}\",method=\"GET\",status=\"200\"} 2";
        assert!(text.contains(counted), "{text}");
        assert!(text.contains("veranda_participants{kind=\"test\"} 1"), "{text}");
        drop(present);
        assert!(metrics.render().contains("veranda_participants{kind=\"test\"} 0"));
    }
}
