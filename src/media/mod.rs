//! GStreamer: the pipelines of a room.

mod bridge;
pub mod engine;
pub mod links;
pub mod mix;
mod opening;
pub mod peer;
pub mod template;
