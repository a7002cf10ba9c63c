//! The rules of a room: no I/O, no clock, no GStreamer. Time and randomness are arguments.

pub mod error;
pub mod ids;
pub mod media;
pub mod words;
