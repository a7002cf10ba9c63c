//! GStreamer: the pipelines of a room.
//!
//! ```text
//! engine.rs   one room: sessions, mix, demand          opening.rs  an offer becomes a session, off the engine's thread
//! peer/       one webrtcbin: DTLS and its keys         bridge.rs   the mix as a publisher and a subscriber
//! mix.rs      the mix, asleep or awake                 mixer/      decode, place, blend
//! output/     recordings, streams, viewers' pictures   link.rs     from one pipeline into another
//! encoder.rs template.rs   what `pipelines/` describes  check.rs    whether all of it runs here
//! ```
//!
//! Thread rule: a GStreamer callback may read its arguments, push a buffer or send an event. It takes no room lock and
//! changes no pipeline state; those changes run elsewhere, with a time limit.

mod bridge;
pub mod check;
mod encoder;
pub mod engine;
mod link;
pub mod links;
pub mod mix;
mod mixer;
mod opening;
mod output;
pub mod peer;
mod pipeline;
mod problem;
pub mod remux;
pub mod template;
mod tracks;
mod window;

pub use problem::Problem;
