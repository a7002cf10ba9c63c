//! Builds the parts, joins them by channels, stops them in order.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;

use crate::config::Config;
use crate::domain::retention::Policy;
use crate::domain::target::Targets;
use crate::http::{self, AppState, Listener, Readiness};
use crate::media::engine::Media;
use crate::media::template::Templates;
use crate::media::{check, peer, remux};
use crate::metrics::Metrics;
use crate::rooms::registry::Rooms;
use crate::storage::Storage;
use crate::storage::recover::{self, Settled};
use crate::transport::net::Net;
use crate::uploads::Uploads;

/// Serve until SIGTERM or SIGINT.
///
/// # Errors
/// What kept the server from starting, in one line.
pub fn serve(config: Config) -> anyhow::Result<()> {
    gst::init().context("GStreamer can't be started")?;
    let templates = Arc::new(templates(&config)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("tokio can't be started")?;
    let outcome = runtime.block_on(run(Arc::new(config), templates));
    // A stuck pipeline must not hold up the exit: everything worth keeping is on disk by now.
    runtime.shutdown_background();
    outcome
}

async fn run(config: Arc<Config>, templates: Arc<Templates>) -> anyhow::Result<()> {
    let listener = Listener::bind(&config)?;
    let net = Net::start(config.media_port, &config.media_address, seed())
        .with_context(|| format!("media_port: {} can't be opened", config.media_port))?;
    tracing::info!(port = net.port(), candidates = net.candidates().len(), "media port open");
    let storage = Arc::new(Storage::open(&config.data).context("data")?);
    let (kept, warm) = tokio::join!(
        tokio::task::spawn_blocking({
            let storage = storage.clone();
            move || settle(&storage)
        }),
        tokio::task::spawn_blocking(peer::warm_up),
    );
    kept.context("recovery ended early")??;
    warm.context("GStreamer ended early")?;
    let canvas = templates.canvas();
    let targets = if config.allow_private_targets { Targets::Any } else { Targets::Public };
    let media = Media::new(net, templates).with_targets(targets).with_segments(&storage.segments());
    let open_media = Arc::new(move |room, events| media.open_room(room, events));
    let rooms = Rooms::new(storage.clone(), open_media, listener.base_url()).context("data")?;
    rooms.set_canvas(canvas);
    rooms.watch_disk(config.disk_warn_mb.saturating_mul(1_000_000));
    let uploads = Uploads::new(&config, rooms.clone(), storage.clone()).map_err(anyhow::Error::msg)?;
    rooms.retain(retention(&config), uploads.is_some());
    if let Some(uploads) = uploads {
        tokio::spawn(uploads.run());
    }
    rooms.set_targets(targets);
    let metrics = Metrics::install();
    let state = AppState { rooms, storage, config, metrics, readiness: Readiness::default() };
    http::serve(listener, state, http::stop_signal()).await
}

fn retention(config: &Config) -> Policy {
    let some = |number: u64| (number > 0).then_some(number);
    Policy {
        age: some(config.retention_days).map(|days| Duration::from_secs(days.saturating_mul(86_400))),
        bytes: some(config.retention_mb).map(|megabytes| megabytes.saturating_mul(1_000_000)),
    }
}

/// Say what this machine lacks; true when a room would work.
///
/// # Errors
/// What kept the check from running.
pub fn check(config: &Config) -> anyhow::Result<bool> {
    gst::init().context("GStreamer can't be started: install libgstreamer1.0-0")?;
    let templates = templates(config)?;
    let mut findings = check::check(&templates);
    findings.extend(crate::preflight::check(config));
    for finding in &findings {
        println!("{finding}");
    }
    let good = findings.iter().all(|finding| finding.ok);
    println!("{}", if good { "a room would work on this machine" } else { "a room would not work yet" });
    Ok(good)
}

/// Finish the recordings that a crash left.
///
/// # Errors
/// What kept it from running.
pub fn recover(config: &Config) -> anyhow::Result<()> {
    gst::init().context("GStreamer can't be started")?;
    let storage = Storage::open(&config.data).context("data")?;
    let settled = settle(&storage)?;
    println!("{} recordings finished, {} could not be", good(&settled), settled.len() - good(&settled));
    Ok(())
}

fn good(settled: &[Settled]) -> usize {
    settled.iter().filter(|recording| recording.error.is_none()).count()
}

fn settle(storage: &Storage) -> anyhow::Result<Vec<Settled>> {
    let settled = recover::recover(storage, &finish, &remux::matroska_seconds).context("data")?;
    for recording in &settled {
        let folder = recording.folder.display();
        match &recording.error {
            None => tracing::info!(%folder, "a recording that a crash left is finished"),
            Some(error) => tracing::error!(%folder, %error, "a recording that a crash left can't be finished"),
        }
    }
    Ok(settled)
}

fn finish(partial: &Path, finished: &Path) -> Result<(u64, f64), String> {
    let done = remux::recover(partial, finished).map_err(|error| error.to_string())?;
    Ok((done.bytes, done.duration))
}

fn templates(config: &Config) -> anyhow::Result<Templates> {
    Templates::load(config.pipelines.as_deref()).context("pipelines")
}

/// Where the router's random numbers start.
fn seed() -> u64 {
    let mut bytes = [0; 8];
    // Without the OS's randomness nothing here would have started: TLS, tokens and DTLS need it first.
    let _ = getrandom::fill(&mut bytes);
    u64::from_ne_bytes(bytes)
}
