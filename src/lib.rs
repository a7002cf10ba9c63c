//! Veranda: a group video room that anyone can host.

pub mod cli;
pub mod config;
pub mod domain;
pub mod media;
pub mod protocol;
pub mod rooms;
pub mod rtp;
pub mod sdp;
pub mod storage;
pub mod transport;
