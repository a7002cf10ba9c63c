//! `veranda-swarm`: fills a room with people made of packets, and measures what that costs. See `docs/swarm.md`.
//!
//! ```text
//! cli ─> run ──┬─> door: veranda | janus     signalling, one short-lived thread for each join
//!              ├─> engine ─> connection      few threads: str0m, sockets, receive stamps
//!              │               ├─> publish   clip, payload, stamp: what people send
//!              │               └─> watch     what viewers got: pure
//!              ├─> process                   the server's CPU, threads, memory
//!              └─> report
//! ```

mod cli;
mod clip;
mod connection;
mod door;
mod engine;
mod janus;
mod payload;
mod process;
mod publish;
mod report;
mod run;
mod stamp;
mod veranda;
mod watch;

use clap::Parser;

fn main() -> anyhow::Result<()> {
    let cli = cli::Cli::parse();
    let as_json = cli.json;
    let report = run::run(cli)?;
    if as_json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{report}");
    }
    Ok(())
}
