//! RTP as arithmetic: bytes and times in, bytes and times out.

pub mod description;
pub mod sink;
