//! The command line.

use clap::{Parser, ValueEnum};

/// Fills a Veranda room with people made of packets, and says what that costs.
///
/// Everybody joins by the real API and sends a real voice (Opus, 50 packets a second) and camera (VP8, 640x360, 30 frames a second,
/// 540 kbit/s). Everybody watches as many others as they have slots. Then the swarm measures for a while and
/// reports what arrived, what was lost, how late it was, and what the server's process used.
///
/// How large must my machine be? Start the server there and the swarm on another machine of the same network (or on
/// the same one, and leave a core to the swarm), with as many people as your largest room:
///
///   veranda-swarm --people 20 --simulcast http://server:8080
///
/// It is large enough while "lost" and "freezes" stay 0 and p99 stays below 20 ms. With --server-pid (same machine) the report also
/// has the CPU used; keep a third of it free for recording and surprises.
#[derive(Debug, Clone, Parser)]
#[command(name = "veranda-swarm", version, verbatim_doc_comment)]
pub(crate) struct Cli {
    /// The server: http://host:port of a Veranda, ws://host:port of a Janus
    #[arg(default_value = "http://127.0.0.1:8080")]
    pub(crate) server: String,
    /// What is driven
    #[arg(long, value_enum, default_value = "veranda")]
    pub(crate) target: Target,
    /// An existing room of that server, by its invitation code [default: make one]
    #[arg(long, value_name = "CODE")]
    pub(crate) room: Option<String>,
    /// How many people
    #[arg(long, short = 'n', default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) people: u16,
    /// How many of them join in a second
    #[arg(long, value_name = "COUNT", default_value_t = 5.0)]
    pub(crate) joins_per_second: f64,
    /// How many people talk: a viewer's slots for sound carry the loudest
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    pub(crate) talkers: u16,
    /// Send the camera in three layers (320x180, 640x360, 1280x720) instead of one
    #[arg(long)]
    pub(crate) simulcast: bool,
    /// Slots for sound of each viewer
    #[arg(long, value_name = "COUNT", default_value_t = 3)]
    pub(crate) audio_slots: usize,
    /// Slots for pictures of each viewer
    #[arg(long, value_name = "COUNT", default_value_t = 9)]
    pub(crate) video_slots: usize,
    /// How long to measure
    #[arg(long, default_value_t = 10.0)]
    pub(crate) seconds: f64,
    /// How long to wait before that, once all have joined
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0)]
    pub(crate) settle: f64,
    /// Join, connect and send nothing
    #[arg(long)]
    pub(crate) idle: bool,
    /// After measuring, so many more people join, see a first picture and leave; then the server's process is looked at again
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub(crate) churn: u32,
    /// How many of them at once
    #[arg(long, value_name = "COUNT", default_value_t = 4)]
    pub(crate) churn_at_once: u16,
    /// The server's process, for its CPU, threads, memory and descriptors
    #[arg(long, value_name = "PID")]
    pub(crate) server_pid: Option<u32>,
    /// Threads that drive the people
    #[arg(long, value_name = "COUNT", default_value_t = 2)]
    pub(crate) threads: usize,
    /// The report as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// What can be driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// A Veranda
    Veranda,
    /// Janus' videoroom, for comparison: without simulcast and churn
    Janus,
}
