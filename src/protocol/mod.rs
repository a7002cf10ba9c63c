//! What goes over the wire to browsers, and nothing else.

pub mod client;
pub mod server;
