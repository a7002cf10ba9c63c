//! What the swarm found out: as text for people, as JSON for scripts.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::connection::Seen;
use crate::process::Usage;
use crate::watch::Counts;

/// The whole report. Times are in ms unless their name says otherwise.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Report {
    /// Asked to join.
    pub(crate) people: u64,
    /// Did.
    pub(crate) joined: u64,
    /// Why not, one reason for each who did not; also lines that broke later.
    pub(crate) problems: Vec<String>,
    /// From the first click until all had joined, in seconds.
    pub(crate) joining_seconds: f64,
    /// How fast that was.
    pub(crate) joins_per_second: f64,
    /// From click to connected.
    pub(crate) connected: Spread,
    /// From click to the first whole picture of somebody.
    pub(crate) first_picture: Spread,
    /// How long was measured, in seconds.
    pub(crate) seconds: f64,
    /// Of sound, delivered.
    pub(crate) audio: Media,
    /// Of pictures, delivered.
    pub(crate) video: Media,
    /// Delivered in a second.
    pub(crate) packets_per_second: f64,
    /// CPU of everything on this machine but the swarm and the named server, in percent of a core: a disturbance.
    pub(crate) others_cpu_percent: f64,
    /// Datagrams lost at the swarm's own sockets, because it was too slow: no fault of the server's.
    pub(crate) dropped_by_swarm: u64,
    /// Datagrams lost at other sockets of this machine's network, the server's among them.
    pub(crate) dropped_by_others: u64,
    /// The server's process, if it was named.
    pub(crate) server: Option<Server>,
    /// CPU of the swarm itself, in percent of a core: near 100 for each of its threads it is the swarm that is slow.
    pub(crate) swarm_cpu_percent: f64,
    /// After `--churn`.
    pub(crate) churn: Option<Churn>,
}

/// A distribution.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct Spread {
    /// How many.
    pub(crate) count: u64,
    /// The median.
    pub(crate) p50: f64,
    /// 95 of 100 are below.
    pub(crate) p95: f64,
    /// 99 of 100 are below.
    pub(crate) p99: f64,
    /// The largest.
    pub(crate) max: f64,
}

impl Spread {
    /// Of these values, by nearest rank.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let rank = (share * values.len() as f64).ceil() as usize;
            values.get(rank.saturating_sub(1)).copied().unwrap_or_default()
        };
        Self { count: values.len() as u64, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1.0) }
    }

    /// Of these times, in ms.
    pub(crate) fn of_times(times: &[Duration]) -> Self {
        Self::of(times.iter().map(|time| time.as_secs_f64() * 1000.0).collect())
    }
}

/// What viewers got of one kind.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Media {
    /// Slots that carried something.
    pub(crate) slots: u64,
    /// What they counted.
    #[serde(flatten)]
    pub(crate) counts: Counts,
    /// Slots that show nothing new at the end.
    pub(crate) still: u64,
    /// From the sender's stamp to the receiving socket.
    pub(crate) latency: Spread,
}

impl Media {
    fn new(counts: Counts, slots: u64, still: u64) -> Self {
        let latencies = counts.latencies.iter().map(|micros| f64::from(*micros) / 1000.0).collect();
        Self { slots, counts, still, latency: Spread::of(latencies) }
    }
}

/// What the server's process used.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(crate) struct Server {
    /// Before the first join.
    pub(crate) before: Usage,
    /// At the end of measuring.
    pub(crate) loaded: Usage,
    /// While measuring, in percent of a core.
    pub(crate) cpu_percent: f64,
    /// CPU time in µs for each packet that was delivered, whatever it was used for; 0 when none was.
    pub(crate) cpu_per_packet: f64,
    /// More threads than before, for each who joined.
    pub(crate) threads_per_person: f64,
    /// More memory than before, for each who joined, in KiB.
    pub(crate) memory_per_person: f64,
}

/// Joins and leaves in a row.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct Churn {
    /// Who joined, saw a picture and left.
    pub(crate) visits: u64,
    /// Why others did not.
    pub(crate) problems: Vec<String>,
    /// In a second, all in all.
    pub(crate) visits_per_second: f64,
    /// From click to the first picture.
    pub(crate) first_picture: Spread,
    /// The server before them.
    pub(crate) before: Option<Usage>,
    /// And ten seconds after.
    pub(crate) after: Option<Usage>,
}

impl Report {
    /// Adds what viewers saw.
    pub(crate) fn saw(&mut self, seen: Seen, seconds: f64) {
        self.seconds = seconds;
        self.audio = Media::new(seen.audio, seen.audio_slots, 0);
        self.video = Media::new(seen.video, seen.video_slots, seen.still);
        self.packets_per_second = (self.audio.counts.packets + self.video.counts.packets) as f64 / seconds;
    }

    /// Adds how many datagrams full sockets dropped meanwhile, by port.
    pub(crate) fn dropped(&mut self, own: &[u16], before: &HashMap<u16, u64>, after: &HashMap<u16, u64>) {
        for (port, count) in after {
            let more = count.saturating_sub(before.get(port).copied().unwrap_or_default());
            let side = if own.contains(port) { &mut self.dropped_by_swarm } else { &mut self.dropped_by_others };
            *side += more;
        }
    }

    /// Adds three looks at the server: before all, at the start and at the end of measuring.
    pub(crate) fn used(&mut self, [before, start, end]: [Usage; 3]) {
        let cpu = end.cpu.saturating_sub(start.cpu) as f64;
        let packets = (self.audio.counts.packets + self.video.counts.packets) as f64;
        let people = self.joined.max(1) as f64;
        self.server = Some(Server {
            before,
            loaded: end,
            cpu_percent: cpu / self.seconds / 10_000.0,
            cpu_per_packet: if packets > 0.0 { cpu / packets } else { 0.0 },
            threads_per_person: (end.threads as f64 - before.threads as f64) / people,
            memory_per_person: (end.memory as f64 - before.memory as f64) / people,
        });
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { people, joined, joining_seconds, joins_per_second, seconds, .. } = self;
        writeln!(f, "joined        {joined} of {people} in {joining_seconds:.1} s ({joins_per_second:.1} a second)")?;
        writeln!(f, "connected     {}", self.connected)?;
        writeln!(f, "first picture {}", self.first_picture)?;
        writeln!(f, "\nmeasured for {seconds:.1} s: {:.0} packets a second", self.packets_per_second)?;
        for (name, media) in [("sound", &self.audio), ("pictures", &self.video)] {
            let Media { slots, counts, latency, .. } = media;
            let Counts { packets, lost, late, skipped, .. } = counts;
            writeln!(
                f,
                "{name:9} {packets} packets in {slots} slots, {lost} lost, {late} late or twice, {skipped} left out"
            )?;
            writeln!(f, "          latency {latency}")?;
        }
        let Media { counts, still, .. } = &self.video;
        let Counts { pictures, freezes, frozen, switches, layer_changes, .. } = counts;
        writeln!(
            f,
            "          {pictures} shown, {freezes} freezes ({frozen} ms), {still} slots still, {switches} changes of person, {layer_changes} of layer"
        )?;
        let Self { swarm_cpu_percent, others_cpu_percent, dropped_by_swarm, dropped_by_others, .. } = self;
        writeln!(
            f,
            "swarm     {swarm_cpu_percent:.0} % of a core; its own sockets dropped {dropped_by_swarm} datagrams, others {dropped_by_others}"
        )?;
        writeln!(f, "others    {others_cpu_percent:.0} % of a core: whatever else ran here")?;
        if let Some(server) = &self.server {
            writeln!(
                f,
                "server    {:.1} % of a core, {:.1} µs for a packet",
                server.cpu_percent, server.cpu_per_packet
            )?;
            writeln!(f, "          before {}\n          loaded {}", server.before, server.loaded)?;
            writeln!(
                f,
                "          a person: {:.1} threads, {:.0} KiB",
                server.threads_per_person, server.memory_per_person
            )?;
        }
        if let Some(churn) = &self.churn {
            writeln!(f, "\nchurn     {} joined and left, {:.1} a second", churn.visits, churn.visits_per_second)?;
            writeln!(f, "          first picture {}", churn.first_picture)?;
            for (when, usage) in [("before", churn.before), ("after ", churn.after)] {
                usage.map_or(Ok(()), |usage| writeln!(f, "          {when} {usage}"))?;
            }
        }
        let churned = self.churn.iter().flat_map(|churn| &churn.problems);
        self.problems.iter().chain(churned).try_for_each(|problem| writeln!(f, "problem: {problem}"))
    }
}

impl fmt::Display for Spread {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { count, p50, p95, p99, max } = self;
        write!(f, "p50 {p50:.1} ms, p95 {p95:.1} ms, p99 {p99:.1} ms, max {max:.1} ms ({count})")
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Self { threads, memory, descriptors, .. } = self;
        write!(f, "{threads} threads, {memory} KiB, {descriptors} descriptors")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_nearest_rank() {
        let spread = Spread::of((1..=200).rev().map(f64::from).collect());
        assert_eq!(spread, Spread { count: 200, p50: 100.0, p95: 190.0, p99: 198.0, max: 200.0 });
        assert_eq!(Spread::of(vec![3.0]), Spread { count: 1, p50: 3.0, p95: 3.0, p99: 3.0, max: 3.0 });
        assert_eq!(Spread::of(vec![]), Spread::default());
    }

    #[test]
    fn cpu_is_divided_by_what_was_delivered() {
        let mut report = Report { joined: 2, ..Report::default() };
        let counts = Counts { packets: 1000, ..Counts::default() };
        report.saw(Seen { audio: counts.clone(), video: counts, ..Seen::default() }, 2.0);
        let usage = |cpu, threads, memory| Usage { cpu, threads, memory, descriptors: 0 };
        report.used([usage(0, 10, 1000), usage(50_000, 14, 3000), usage(90_000, 14, 4000)]);
        let server = report.server.unwrap();
        assert_eq!((server.cpu_percent, server.cpu_per_packet), (2.0, 20.0));
        assert_eq!((server.threads_per_person, server.memory_per_person), (2.0, 1500.0));
        assert_eq!(report.packets_per_second, 1000.0);
    }
}
