//! RTP as arithmetic: bytes and times in, bytes and times out.
//!
//! [`router::Router`] is the whole; the rest are its parts, each knowing only those before it:
//!
//! ```text
//! packet  srtp  vp8  h264  slab  clock      bytes and numbers
//! bucket                                    how much a second
//! cache  history  nack  report  twcc  rewrite  thinning   one stream
//! watch                                     what of it is of use
//! stream (track, layers)   lane             who sends, who takes
//! estimator  allocator  meter               how much a line carries, and for whom
//! peer (publisher)         egress, line (viewer)
//! router
//! ```

pub mod description;
pub mod router;
pub mod sink;

mod allocator;
pub(crate) mod bucket;
mod cache;
mod clock;
mod counters;
mod egress;
mod estimator;
pub(crate) mod h264;
mod history;
mod lane;
mod line;
mod meter;
mod nack;
pub(crate) mod packet;
mod peer;
mod random;
mod report;
mod rewrite;
mod slab;
pub(crate) mod srtp;
mod stream;
mod thinning;
mod twcc;
pub(crate) mod vp8;
mod watch;

use router::Outbound;
