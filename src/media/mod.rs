//! GStreamer: the pipelines of a room.

pub mod links;
