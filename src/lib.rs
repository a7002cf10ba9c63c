//! Veranda: a group video room that anyone can host.

pub mod app;
pub mod cli;
pub mod config;
pub mod domain;
pub mod http;
pub mod media;
pub mod metrics;
pub mod protocol;
pub mod rooms;
pub mod rtp;
pub mod storage;
pub mod tls;
