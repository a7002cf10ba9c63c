//! Our estimator and str0m's before the same lines, in virtual time, with media that follows the estimate:
//!
//! `cargo nextest run --locked --lib --run-ignored only compared --no-capture` prints the table of `docs/benchmarks.md`.
//!
//! A camera sends a picture 30 times a second, of a part of the estimate but not more than [`WANTED`]: ours of 0.94, the
//! allocator's margin; str0m's of as much, and of 0.80, since its estimate is of the line's very end. What a sender adds by itself to probe is on the line, but not counted as use of it. Nothing is sent again.

use std::time::{Duration, Instant};

use str0m_netem::{Input, Netem, Output};

use super::emulated::{LATENCY, Road};
use super::harness::ms;

mod ours;
mod theirs;

const K: u64 = 1000;
/// The best that the camera can send, in bits/s.
const WANTED: f64 = 2_500_000.0;
const START: u64 = 300_000;
const MARGIN: f64 = 0.94;
const WIDER_MARGIN: f64 = 0.80;
const LEAST: f64 = 50_000.0;
/// Between two pictures, and a packet's payload.
const FRAME: Duration = Duration::from_millis(33);
const PAYLOAD: usize = 1100;
/// What a packet has on the line besides its payload, with both alike.
const OVERHEAD: usize = 58;

/// A datagram on the line.
#[derive(Debug, Clone)]
struct Datagram {
    /// With room for IP and UDP.
    bytes: Vec<u8>,
    /// Without.
    length: usize,
    sent: Instant,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Media,
    Probe,
    /// Of somebody else.
    Other,
}

impl Datagram {
    fn new(mut bytes: Vec<u8>, sent: Instant, kind: Kind) -> Datagram {
        let length = bytes.len();
        bytes.resize(length + 28, 0);
        Datagram { bytes, length, sent, kind }
    }
}

impl AsRef<[u8]> for Datagram {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Somebody who sends, and the viewer they send to.
trait Pair {
    /// A packet of a picture, of so many bytes.
    fn write(&mut self, now: Instant, payload: usize);
    /// What is to go on the line now.
    fn poll(&mut self, now: Instant, wanted: f64) -> Vec<Datagram>;
    /// What arrives at the viewer, whose answers go back on their own.
    fn arrive(&mut self, now: Instant, datagram: Datagram);
    /// In bits/s.
    fn estimate(&self) -> f64;
}

/// A line over time.
struct Trace {
    name: &'static str,
    /// From which second on it is how.
    roads: &'static [(u64, Road)],
    /// From which second to which somebody else sends at what rate.
    burst: Option<(u64, u64, u64)>,
    /// In s.
    length: u64,
}

const fn road(rate: u64) -> Road {
    Road { rate: rate * K, loss: 0.0, jitter: 0, seed: 5 }
}

const TRACES: [Trace; 9] = [
    Trace { name: "250 kbit/s", roads: &[(0, road(250))], burst: None, length: 60 },
    Trace { name: "600 kbit/s", roads: &[(0, road(600))], burst: None, length: 60 },
    Trace { name: "1500 kbit/s", roads: &[(0, road(1500))], burst: None, length: 60 },
    Trace {
        name: "1500, from 20 s 500, from 40 s 1500",
        roads: &[(0, road(1500)), (20, road(500)), (40, road(1500))],
        burst: None,
        length: 60,
    },
    Trace {
        name: "1500, of which 1000 are taken from 20 to 30 s",
        roads: &[(0, road(1500))],
        burst: Some((20, 30, 1000 * K)),
        length: 60,
    },
    Trace { name: "1500, 1 % lost", roads: &[(0, Road { loss: 0.01, ..road(1500) })], burst: None, length: 60 },
    Trace { name: "1500, 5 % lost", roads: &[(0, Road { loss: 0.05, ..road(1500) })], burst: None, length: 60 },
    Trace { name: "1500, 50 ms of jitter", roads: &[(0, Road { jitter: 25, ..road(1500) })], burst: None, length: 60 },
    Trace {
        name: "600, 5 % lost, 50 ms of jitter",
        roads: &[(0, Road { loss: 0.05, jitter: 25, ..road(600) })],
        burst: None,
        length: 60,
    },
];

/// What came of a trace.
#[derive(Debug, Default)]
struct Outcome {
    /// Media that arrived, of what the line could carry.
    used: f64,
    /// ms that packets waited beyond the line's own delay.
    p95: f64,
    most: f64,
    /// Packets of media that were lost, beyond what the line loses anyway.
    lost: f64,
    /// The first second in which half of what the line carries was used.
    half: Option<u64>,
}

/// A trace under way.
struct Run<'a> {
    pair: &'a mut dyn Pair,
    line: Netem<Datagram>,
    road: Road,
    /// The part of the estimate that is made use of.
    margin: f64,
    start: Instant,
    /// Packets of pictures that are still to be written: when (in ms), and their payloads.
    pending: Vec<(u64, usize)>,
    /// Bytes of somebody else that are to be sent.
    other: f64,
    /// Bits that the line could have carried.
    capacity: f64,
    /// Packets of pictures that were sent, and how many of them the line loses anyway.
    sent: usize,
    unlucky: f64,
    /// Packets and bytes of pictures that arrived, and bytes of this second.
    received: usize,
    got: usize,
    second: usize,
    /// What they waited, in ms.
    waits: Vec<f64>,
    half: Option<u64>,
}

impl Run<'_> {
    fn picture(&mut self, tick: u64) {
        let rate = (self.pair.estimate() * self.margin).clamp(LEAST, WANTED);
        let size = (rate * FRAME.as_secs_f64() / 8.0) as usize;
        let packets = size.div_ceil(PAYLOAD + OVERHEAD).max(1);
        // A browser paces its packets.
        let payload = (size / packets).saturating_sub(OVERHEAD).max(40);
        self.pending.extend((0..packets as u64).map(|step| (tick + step, payload)));
    }

    /// Somebody else's packets; what the line has left.
    fn share(&mut self, now: Instant, rate: u64) -> u64 {
        self.other += rate as f64 / 8000.0;
        while self.other >= 1200.0 {
            self.other -= 1200.0;
            self.line.handle_input(Input::Packet(now, Datagram::new(vec![0; 1172], now, Kind::Other)));
        }
        self.road.rate - rate
    }

    fn pass(&mut self, now: Instant) {
        for datagram in self.pair.poll(now, WANTED) {
            if datagram.kind == Kind::Media {
                (self.sent, self.unlucky) = (self.sent + 1, self.unlucky + f64::from(self.road.loss));
            }
            self.line.handle_input(Input::Packet(now, datagram));
        }
        self.line.handle_input(Input::Timeout(now));
        while let Some(Output::Packet(datagram)) = self.line.poll_output() {
            if datagram.kind == Kind::Other {
                continue;
            }
            let waited = (now - datagram.sent).saturating_sub(LATENCY + ms(self.road.jitter));
            self.waits.push(waited.as_secs_f64() * 1000.0);
            if datagram.kind == Kind::Media {
                self.received += 1;
                self.got += datagram.bytes.len();
                self.second += datagram.bytes.len();
            }
            self.pair.arrive(now, datagram);
        }
    }

    fn millisecond(&mut self, tick: u64, trace: &Trace) {
        let now = self.start + ms(tick);
        if let Some((_, road)) = trace.roads[1..].iter().find(|(at, _)| tick == at * 1000) {
            self.road = *road;
            self.line.set_config(road.config());
        }
        if tick.is_multiple_of(FRAME.as_millis() as u64) {
            self.picture(tick);
        }
        for (_, payload) in self.pending.extract_if(.., |(at, _)| *at <= tick) {
            self.pair.write(now, payload);
        }
        let taken = trace.burst.filter(|(from, to, _)| (from * 1000..to * 1000).contains(&tick));
        let left = self.share(now, taken.map_or(0, |(.., rate)| rate));
        self.capacity += (left as f64).min(WANTED) / 1000.0;
        (0..4).for_each(|part| self.pass(now + Duration::from_micros(250 * part)));
        if tick % 1000 == 999 && std::mem::take(&mut self.second) as f64 * 8.0 >= 0.5 * left as f64 {
            self.half.get_or_insert(tick / 1000 + 1);
        }
    }

    fn outcome(mut self) -> Outcome {
        self.waits.sort_by(f64::total_cmp);
        let at = |part: f64| self.waits[((self.waits.len() - 1) as f64 * part) as usize];
        Outcome {
            used: self.got as f64 * 8.0 / self.capacity,
            p95: at(0.95),
            most: at(1.0),
            lost: (self.sent - self.received) as f64 - self.unlucky,
            half: self.half,
        }
    }
}

fn run((pair, start): (&mut dyn Pair, Instant), margin: f64, trace: &Trace) -> Outcome {
    let road = trace.roads[0].1;
    let mut run = Run {
        pair,
        line: Netem::new(road.config()),
        road,
        margin,
        start,
        pending: vec![],
        other: 0.0,
        capacity: 0.0,
        sent: 0,
        unlucky: 0.0,
        received: 0,
        got: 0,
        second: 0,
        waits: vec![],
        half: None,
    };
    (0..trace.length * 1000).for_each(|tick| run.millisecond(tick, trace));
    run.outcome()
}

#[test]
#[ignore = "a comparison, for docs/benchmarks.md"]
fn compared_with_str0m() {
    println!("ours at {MARGIN} of the estimate / str0m at {MARGIN} / str0m at {WIDER_MARGIN}:");
    println!("| line | used, % | waits p95, ms | waits at most, ms | lost by queues | half used in second |");
    println!("| --- | --- | --- | --- | --- | --- |");
    for trace in &TRACES {
        let (mut ours, start) = ours::Ours::new();
        let mut outcomes = vec![run((&mut ours, start), MARGIN, trace)];
        for margin in [MARGIN, WIDER_MARGIN] {
            let (mut theirs, start) = theirs::Theirs::new();
            outcomes.push(run((&mut theirs, start), margin, trace));
        }
        let column = |of: &dyn Fn(&Outcome) -> f64| {
            let figures: Vec<String> = outcomes.iter().map(|outcome| format!("{:.0}", of(outcome))).collect();
            figures.join(" / ")
        };
        let half = |outcome: &Outcome| outcome.half.unwrap_or(trace.length) as f64;
        println!(
            "| {} | {} | {} | {} | {} | {} |",
            trace.name,
            column(&|outcome| 100.0 * outcome.used),
            column(&|outcome| outcome.p95),
            column(&|outcome| outcome.most),
            column(&|outcome| outcome.lost),
            column(&half),
        );
    }
}
