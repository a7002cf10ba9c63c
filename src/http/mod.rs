//! The doors: page, JSON API, WebSocket, WHIP and WHEP. Knows axum, and nothing about media.
//!
//! ```text
//! router.rs     every route on one page
//! auth.rs       token -> what it may do            limits.rs   how often an address may ask
//! body.rs       JSON in, mistakes named            error.rs    refusal -> status and problem document
//! rooms.rs recordings.rs streams.rs                view.rs     what the rooms say, as the wire says it
//! files.rs      a recording's file, in ranges      pages.rs    the embedded page and its headers
//! ws/           one socket <-> one membership      doors/      WHIP and WHEP <-> one membership
//! card.rs       what a chat shows of a link     links.rs   a recording's file for a player
//! serve.rs      listening, TLS, stopping           health.rs   ready or not, metrics
//! head.rs       what a page asks for next
//! ```
//!
//! No token, invitation or body reaches a log line: requests are logged by their route's pattern.

mod address;
mod auth;
mod body;
mod card;
mod doors;
mod error;
mod files;
mod head;
mod health;
mod ice;
mod limits;
mod links;
mod log;
mod pages;
mod recordings;
mod rooms;
mod router;
mod serve;
mod snapshot;
mod streams;
mod view;
mod ws;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

pub use router::{description, router};
pub use serve::{Listener, serve, stop_signal};

use crate::config::Config;
use crate::metrics::Metrics;
use crate::rooms::registry::Rooms;
use crate::storage::Storage;

/// What the doors open to.
#[derive(Clone)]
pub struct AppState {
    /// The running rooms.
    pub rooms: Rooms,
    /// Files of recordings, and whose they are.
    pub storage: Arc<Storage>,
    /// The settings.
    pub config: Arc<Config>,
    /// What `/metrics` tells.
    pub metrics: Metrics,
    /// What `/readyz` tells.
    pub readiness: Readiness,
}

/// Whether the server takes people. Cheap to clone; starts as not ready.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicU8>);

const STARTING: u8 = 0;
const READY: u8 = 1;
const CLOSING: u8 = 2;

impl Readiness {
    /// People may come.
    pub fn ready(&self) {
        // Closing is final, whatever still starts.
        let _ = self.0.compare_exchange(STARTING, READY, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// Nobody new.
    pub fn closing(&self) {
        self.0.store(CLOSING, Ordering::SeqCst);
    }

    /// Whether people may come.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::SeqCst) == READY
    }
}

/// [`AppState`] and what only the doors need.
struct App {
    state: AppState,
    limits: limits::Limits,
    sessions: doors::Sessions,
    links: links::Links,
}

type SharedApp = Arc<App>;

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppState")
    }
}
