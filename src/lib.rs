//! Veranda: a group video room that anyone can host.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod media;
pub mod metrics;
mod preflight;
pub mod protocol;
pub mod rooms;
pub mod rtp;
pub mod sdp;
pub mod storage;
pub mod tls;
pub mod transport;
pub mod uploads;
