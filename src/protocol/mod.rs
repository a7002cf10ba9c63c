//! What goes over the wire to browsers and API clients, and nothing else. `docs/protocol.md` is the page for people who
//! write clients.

pub mod client;
pub mod rest;
pub mod server;

/// The version of this protocol. It grows by adding; a change that breaks pages in use raises it, and those are told to
/// reload (`Join::protocol`).
pub const PROTOCOL_VERSION: u32 = 1;

#[cfg(test)]
mod typescript;
