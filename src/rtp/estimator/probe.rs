//! Probing: for some hundredths of a second a viewer is sent more than the estimate; how fast that arrives shows whether
//! there is more. Without it the estimate could never rise above what happens to be sent.

use std::time::{Duration, Instant};

use super::Acked;

/// How long a cluster lasts, and how many bytes it has at least.
const LENGTH: Duration = Duration::from_millis(25);
const LEAST_BYTES: f64 = 1500.0;
/// Once the order of magnitude is known: more than a traffic shaper takes in one gulp (its bucket), which looks like a wide line.
const LATER_BYTES: f64 = 4500.0;
const LONGEST: Duration = Duration::from_millis(100);
/// Of how uneven the way is: a shorter cluster is pulled apart or pushed together by that, and looks like a full line.
const EVEN: f64 = 8.0;
/// The queue, in s, that a cluster which is longer for that reason may make of a line that carries no more than the estimate.
const QUEUE: f64 = 0.05;
/// Packets that must have arrived, and the part of all.
const LEAST_PACKETS: u32 = 5;
const LEAST_PART: f64 = 0.8;
/// A line that delivers less than this part of what was sent is full: below, a little is left free.
const FULL: f64 = 0.9;
const LEFT_FREE: f64 = 0.95;
/// Of the target that must be reached to go on at once with a higher one.
const GO_ON: f64 = 0.7;
/// Times the estimate: at first, to find the order of magnitude, and later.
const FIRST_FACTOR: f64 = 3.0;
const FACTOR: f64 = 2.0;
/// Where nothing waits for the answer a cluster asks for little more, for longer: so many bytes beyond the estimate are more
/// than a traffic shaper takes in one gulp, and a queue of 0.13 s on a line of 300 kbit/s.
const PATIENT_FACTOR: f64 = 1.5;
const PATIENT_BYTES: f64 = 5000.0;
const PATIENT_LONGEST: Duration = Duration::from_millis(400);
/// After such a cluster found nothing, or the estimate was reduced.
const REST: Duration = Duration::from_secs(8);
/// Not more than this many times what could be used.
const USE: f64 = 2.0;
/// Between clusters that found nothing while no other ever did: somebody who joins waits for a picture. Twice as long each
/// time, up to the next one.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// Between clusters that found nothing: later and at most.
const PAUSE: Duration = Duration::from_secs(3);
const LONGEST_PAUSE: Duration = Duration::from_secs(12);
/// After this the reports on a cluster are not waited for any more.
const PATIENCE: Duration = Duration::from_millis(500);

/// What a probe looks for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    /// Bits/s that could be used.
    pub(crate) rate: f64,
    /// Not now, but when the line has shown for a while that it carries them.
    pub(crate) patient: bool,
}

/// What a cluster found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ProbeResult {
    /// Bits/s that the line carries at least.
    pub(crate) rate: f64,
    /// And no more.
    pub(crate) full: bool,
    /// Hardly anything was lost that would not have been anyway.
    pub(crate) intact: bool,
}

#[derive(Debug, Clone, Copy)]
struct Cluster {
    id: u8,
    rate: f64,
    began: Instant,
    length: Duration,
    /// By the log's count.
    bytes_before: u64,
    packets_before: u64,
    /// Packets that were sent with it; known when it ends.
    packets: Option<u32>,
    ended: Instant,
}

/// The reports on a cluster.
#[derive(Debug, Clone, Copy)]
struct Tally {
    first_sent: Instant,
    last_sent: Instant,
    /// Sent at `last_sent`.
    last_bytes: u32,
    first_arrived: i64,
    last_arrived: i64,
    /// Of the packet that arrived first.
    first_bytes: u32,
    bytes: u32,
    packets: u32,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Prober {
    cluster: Option<Cluster>,
    tally: Option<Tally>,
    lost: u32,
    last_id: u8,
    next: Option<Instant>,
    pause: Option<Duration>,
    variation: f64,
    /// Before this nothing is probed that can wait.
    rested: Option<Instant>,
}

impl Prober {
    /// How uneven the way is, in ms.
    pub(crate) fn expect(&mut self, variation: f64) {
        self.variation = variation;
    }

    /// Begins a cluster if one is due; its mark for the packets sent from now on.
    /// `counts`: bytes and packets ever sent.
    pub(crate) fn begin(&mut self, now: Instant, estimate: f64, goal: Goal, counts: (u64, u64)) -> Option<u8> {
        let rests = goal.patient && self.rested.is_some_and(|at| now < at);
        if rests || self.cluster.is_some() || self.next.is_some_and(|at| now < at) {
            return None;
        }
        let factor = match self.pause {
            _ if goal.patient => PATIENT_FACTOR,
            None => FIRST_FACTOR,
            Some(_) => FACTOR,
        };
        let rate = (estimate * factor).min(goal.rate * USE).max(estimate * 1.1);
        let least = if self.pause.is_none() { LEAST_BYTES } else { LATER_BYTES };
        self.last_id = self.last_id.checked_add(1).unwrap_or(1);
        let even = (EVEN * self.variation / 1000.0).min(QUEUE * estimate / (rate - estimate));
        let length = Duration::from_secs_f64(even.max(least * 8.0 / rate)).clamp(LENGTH, LONGEST);
        let length = match goal.patient {
            true => Duration::from_secs_f64(PATIENT_BYTES * 8.0 / (rate - estimate)).clamp(LONGEST, PATIENT_LONGEST),
            false => length,
        };
        self.cluster = Some(Cluster {
            id: self.last_id,
            rate,
            began: now,
            length,
            bytes_before: counts.0,
            packets_before: counts.1,
            packets: None,
            ended: now,
        });
        (self.tally, self.lost) = (None, 0);
        self.next = None;
        Some(self.last_id)
    }

    /// The estimate was reduced: what earlier probes found, or did not find, counts no more.
    pub(crate) fn postpone(&mut self, now: Instant) {
        self.rested = Some(now + REST);
        if self.pause.is_some() {
            (self.pause, self.next) = (Some(PAUSE), Some(now + PAUSE));
        }
    }

    /// Something else is sent from now on: whether the line carries that is worth a probe at once.
    pub(crate) fn begin_anew(&mut self) {
        (self.next, self.rested) = (None, None);
    }

    /// Whether packets are to be sent now.
    pub(crate) fn is_sending(&self) -> bool {
        self.cluster.is_some_and(|cluster| cluster.packets.is_none())
    }

    /// Bytes that are to be sent now besides what was sent anyway; `None` when the cluster is over.
    pub(crate) fn due(&mut self, now: Instant, (bytes, packets): (u64, u64)) -> Option<usize> {
        let cluster = self.cluster.as_mut().filter(|cluster| cluster.packets.is_none())?;
        let elapsed = now.saturating_duration_since(cluster.began);
        if elapsed > cluster.length {
            cluster.packets = Some((packets - cluster.packets_before).min(u64::from(u32::MAX)) as u32);
            cluster.ended = now;
            return None;
        }
        // What is due until the next tick, so that the first one sends as well.
        let until = (elapsed + Duration::from_millis(5)).as_secs_f64();
        let target = cluster.rate * until / 8.0;
        Some((target - (bytes - cluster.bytes_before) as f64).max(0.0) as usize)
    }

    /// A packet of a cluster arrived.
    pub(crate) fn received(&mut self, packet: &Acked) {
        if self.cluster.is_none_or(|cluster| cluster.id != packet.probe) {
            return;
        }
        let tally = self.tally.get_or_insert(Tally {
            first_sent: packet.sent,
            last_sent: packet.sent,
            last_bytes: 0,
            first_arrived: packet.arrived,
            last_arrived: packet.arrived,
            first_bytes: packet.bytes,
            bytes: 0,
            packets: 0,
        });
        tally.bytes = tally.bytes.saturating_add(packet.bytes);
        tally.packets += 1;
        if packet.sent > tally.last_sent {
            (tally.last_sent, tally.last_bytes) = (packet.sent, 0);
        }
        if packet.sent == tally.last_sent {
            tally.last_bytes += packet.bytes;
        }
        if packet.arrived < tally.first_arrived {
            (tally.first_arrived, tally.first_bytes) = (packet.arrived, packet.bytes);
        }
        tally.last_arrived = tally.last_arrived.max(packet.arrived);
    }

    pub(crate) fn lost(&mut self, probe: u8) {
        if probe != 0 && self.cluster.is_some_and(|cluster| cluster.id == probe) {
            self.lost += 1;
        }
    }

    /// What the cluster found, once it is known. `usual`: the part of all packets that the line loses anyway.
    pub(crate) fn conclude(&mut self, now: Instant, round_trip: Duration, usual: f64) -> Option<ProbeResult> {
        let cluster = self.cluster?;
        let sent = cluster.packets?;
        let reported = self.tally.map_or(0, |tally| tally.packets) + self.lost;
        if reported < sent && now.saturating_duration_since(cluster.ended) < round_trip + PATIENCE {
            return None;
        }
        self.cluster = None;
        let result = self.tally.and_then(|tally| tally.rate(sent)).map(|(rate, full)| {
            let rate = if full { rate * LEFT_FREE } else { rate };
            ProbeResult { rate, full, intact: f64::from(self.lost) < (0.1 + usual) * f64::from(sent) }
        });
        let found = result.is_some_and(|result| result.rate >= GO_ON * cluster.rate && result.intact);
        self.pause = Some(match self.pause {
            _ if found => PAUSE,
            Some(pause) if pause < PAUSE => (pause * 2).min(PAUSE),
            Some(pause) => (pause * 3 / 2).min(LONGEST_PAUSE),
            None => FIRST_PAUSE,
        });
        if !found {
            self.rested = Some(now + REST);
        }
        self.next = Some(if found { now } else { now + self.pause.unwrap_or(PAUSE) });
        result
    }
}

impl Tally {
    /// Bits/s, and whether the line was full; `None` if too little came to tell.
    fn rate(&self, sent: u32) -> Option<(f64, bool)> {
        if self.packets < LEAST_PACKETS || f64::from(self.packets) < LEAST_PART * f64::from(sent) {
            return None;
        }
        let sending = self.last_sent.saturating_duration_since(self.first_sent).as_secs_f64();
        let arriving = self.last_arrived.saturating_sub(self.first_arrived) as f64 / 1e6;
        if sending <= 0.0 || arriving <= 0.0 || arriving > 2.0 {
            return None;
        }
        let sent = f64::from(self.bytes.saturating_sub(self.last_bytes)) * 8.0 / sending;
        let arrived = f64::from(self.bytes.saturating_sub(self.first_bytes)) * 8.0 / arriving;
        // What arrives much faster than it was sent was held up somewhere and tells nothing.
        (arrived < 2.0 * sent).then(|| (sent.min(arrived), arrived < FULL * sent))
    }
}
