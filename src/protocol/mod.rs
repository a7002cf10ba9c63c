//! What goes over the wire to browsers and API clients, and nothing else.

pub mod client;
pub mod rest;
pub mod server;
