//! The socket and what stands between it and the rest: one UDP port for everybody and the same number for ICE-TCP.
//!
//! ```text
//!   UDP  ─┐               ┌─ STUN ──> ice-lite: answer, path, consent      (stun.rs, path.rs)
//!   TCP  ─┴─> event_loop ─┼─ DTLS ──> NetEvent::Dtls ──> webrtcbin         (ice/)
//!   (udp.rs, tcp.rs)      └─ RTP, RTCP ──> rtp::Router ──> UDP, TCP        (wire, outbox, sender; never GStreamer)
//! ```
//!
//! One thread owns the sockets, the paths and the router with all SRTP state: no locks on the way of a packet. Others
//! speak to it by [`net::Net`], a handle that only sends commands.

pub mod address;
pub mod ice;
pub mod net;

mod drops;
mod event_loop;
mod limits;
mod outbox;
mod path;
mod sender;
mod stun;
mod tcp;
mod udp;
mod wire;

#[cfg(test)]
mod tests;
