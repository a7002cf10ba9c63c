//! The rules of a room: no I/O, no clock, no GStreamer. Time and randomness are arguments.

pub mod canvas;
pub mod disk;
pub mod error;
pub mod ids;
pub mod layout;
pub mod media;
pub mod output;
pub mod participant;
pub mod retention;
pub mod room;
pub mod scene;
pub mod slots;
pub mod speaker;
pub mod talk;
pub mod target;
pub mod thin;
pub mod timeline;
pub mod words;
