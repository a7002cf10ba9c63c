//! What `veranda check` looks at beside GStreamer: the data folder, the ports, the certificate, the clock.

use std::fmt::Display;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::config::Config;
use crate::http::Listener;
use crate::media::check::Finding;
use crate::storage::Storage;
use crate::transport::net::Net;

/// Before this program was written: a clock that says so is wrong, and certificates and TURN credentials with it.
const NOT_BEFORE: Duration = Duration::from_secs(1_760_000_000);

/// Everything outside GStreamer that a room needs.
pub(crate) fn check(config: &Config) -> Vec<Finding> {
    let config = std::sync::Arc::new(config.clone());
    vec![
        finding("data folder", data(&config.data), "make the folder, or name another by --data"),
        finding(
            &format!("address {} and TLS", config.listen),
            Listener::bind(&config).map(drop).map_err(|error| format!("{error:#}")),
            "stop what has the port, or choose another by --listen; check tls_cert and tls_key",
        ),
        finding(
            &format!("media port {}", config.media_port),
            Net::start(config.media_port, &config.media_address, 0).map(drop),
            "stop what has the port (UDP and TCP), or choose another by --media-port",
        ),
        finding("clock", clock(), "set it: timedatectl set-ntp true"),
    ]
}

fn finding(what: &str, outcome: Result<(), impl Display>, help: &str) -> Finding {
    match outcome {
        Ok(()) => Finding::good(what),
        Err(error) => Finding::bad(&format!("{what}: {error}"), None, help),
    }
}

/// The folder can be made, the database opened, a file written.
fn data(folder: &Path) -> Result<(), String> {
    Storage::open(folder).map_err(|error| error.to_string())?;
    let probe = folder.join(".veranda-check");
    std::fs::write(&probe, b"ok").and_then(|()| std::fs::remove_file(&probe)).map_err(|error| error.to_string())
}

fn clock() -> Result<(), &'static str> {
    match SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        Ok(now) if now > NOT_BEFORE => Ok(()),
        _ => Err("the time is in the past"),
    }
}
