//! What the server's process uses, from `/proc` (proc(5)).

use std::collections::HashMap;
use std::fs;

use anyhow::{Context, Result};

/// A look at a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Usage {
    /// CPU time of all its threads since its start, in µs (10 ms steps).
    pub(crate) cpu: u64,
    /// Now.
    pub(crate) threads: u64,
    /// Resident memory, in KiB.
    pub(crate) memory: u64,
    /// Open descriptors.
    pub(crate) descriptors: u64,
}

impl Usage {
    /// Looks at a process.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{pid}/{name}");
            fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))
        };
        let status = read("status")?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))
            .with_context(|| format!("cannot read /proc/{pid}/fd: run the swarm as the server's user"))?
            .count() as u64;
        Ok(Self {
            cpu: cpu(&read("stat")?).context("/proc has an unknown form")?,
            threads: field(&status, "Threads:").context("/proc has an unknown form")?,
            memory: field(&status, "VmRSS:").context("/proc has an unknown form")?,
            descriptors,
        })
    }
}

/// CPU time of all of the machine since its start, in µs.
pub(crate) fn busy() -> Result<u64> {
    let stat = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    busy_of(&stat).context("/proc has an unknown form")
}

/// The first line: user, nice, system, then idle and waiting, which do not count, then interrupts of two kinds.
fn busy_of(stat: &str) -> Option<u64> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?.split_whitespace();
    let ticks: Option<Vec<u64>> = fields.take(7).map(|field| field.parse().ok()).collect();
    let [user, nice, system, _, _, hard, soft] = ticks?[..] else { return None };
    Some((user + nice + system + hard + soft) * 10_000)
}

/// Datagrams that the kernel dropped because their socket's buffer was full: for each local UDP port of the network that a
/// process sees.
pub(crate) fn drops(pid: u32) -> HashMap<u16, u64> {
    let mut drops = HashMap::new();
    for table in ["udp", "udp6"] {
        // A system without IPv6 lacks the second.
        let text = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
        for (port, count) in text.lines().skip(1).filter_map(drops_of) {
            *drops.entry(port).or_default() += count;
        }
    }
    drops
}

/// The local port (hexadecimal, after the address) and the last column.
fn drops_of(line: &str) -> Option<(u16, u64)> {
    let (_, port) = line.split_whitespace().nth(1)?.rsplit_once(':')?;
    Some((u16::from_str_radix(port, 16).ok()?, line.split_whitespace().last()?.parse().ok()?))
}

/// utime and stime, fields 14 and 15; the second field is a name in brackets that may hold anything. A tick is 10 ms
/// on every Linux architecture this is built for.
fn cpu(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().ok());
    ticks.sum::<Option<u64>>().map(|ticks| ticks * 10_000)
}

fn field(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read() {
        let stat = "42 (a) b) S 1 1 1 0 -1 4194560 100 0 0 0 7 5 0 0 20 0 3 0 1000";
        assert_eq!(cpu(stat), Some(120_000));
        assert_eq!(cpu("42 (cut"), None);
        assert_eq!(field("Name:\tx\nThreads:\t12\nVmRSS:\t  2048 kB\n", "VmRSS:"), Some(2048));
        assert_eq!(busy_of("cpu  1 2 3 400 500 6 7 8 9 0\ncpu0 1"), Some(190_000));
        let line = " 2346: 0100007F:1E96 00000000:0000 07 00000000:00000000 00:00000000 00000000 0 0 41 2 0000 17";
        assert_eq!(drops_of(line), Some((7830, 17)));
        assert!(Usage::of(std::process::id()).unwrap().threads >= 1);
    }
}
