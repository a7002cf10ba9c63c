//! Looks after the disk while something is recorded, and tells the rooms that record.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

use super::registry::Shared;
use crate::domain::disk::{Disk, Gauge};

const LOOK: Duration = Duration::from_secs(5);

/// Until the server stops.
pub(super) async fn watch(shared: Arc<Shared>, limit: u64) {
    let (mut gauge, mut warned, begin) = (Gauge::new(limit), None::<Disk>, Instant::now());
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shared.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (rooms, written) = shared.recording_now();
        if rooms.is_empty() {
            warned = None;
            continue;
        }
        let store = Arc::clone(&shared.store);
        let free = tokio::task::spawn_blocking(move || store.free_space()).await;
        let disk = free.ok().flatten().and_then(|free| gauge.look(begin.elapsed(), free, written));
        match (&disk, &warned) {
            (Some(Disk { free, minutes_left }), None) => {
                tracing::warn!(free, minutes_left, "the disk that is recorded to is nearly full");
            }
            (None, Some(_)) => tracing::info!("the disk that is recorded to has space again"),
            _ => {}
        }
        warned = disk;
        rooms.iter().for_each(|room| room.tell_disk(disk));
    }
}
