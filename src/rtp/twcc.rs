//! Transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01): what the publishers need to
//! raise their bitrate, and the send times that an estimator of the viewers' bandwidth will need.

use std::collections::VecDeque;
use std::time::Instant;

use rtcp_types::{Twcc, TwccBuilder, TwccPacketStatus};

/// Packets described by one feedback message: at most 2 bytes of delta each.
const PER_MESSAGE: usize = 400;
/// Packets remembered between two messages; a wider jump is a new start.
const WINDOW: usize = 4096;
/// A packet later than this many after the last message's end is reported again.
const REPORT_AGAIN: u64 = 200;

/// Arrivals of a peer's packets since the last feedback.
#[derive(Debug, Default)]
pub(crate) struct ArrivalLog {
    /// Number (without wraps) of the first entry.
    start: u64,
    /// Arrival in microseconds of each number from `start`; ends with an arrival.
    arrivals: VecDeque<Option<u64>>,
    started: bool,
    messages: u8,
}

impl ArrivalLog {
    /// A packet with transport-wide number `number` arrived.
    pub(crate) fn record(&mut self, number: u16, micros: u64) {
        let next = self.start + self.arrivals.len() as u64;
        if !self.started {
            self.started = true;
            self.start = (1 << 16) + u64::from(number);
            self.arrivals.push_back(Some(micros));
            return;
        }
        let step = i64::from(number.wrapping_sub(next as u16) as i16);
        let number = next.saturating_add_signed(step);
        if number < self.start {
            if self.start - number > REPORT_AGAIN {
                return;
            }
            for _ in number..self.start {
                self.arrivals.push_front(None);
            }
            self.start = number;
        }
        let at = (number - self.start) as usize;
        if at >= WINDOW {
            self.start = number;
            self.arrivals.clear();
            self.arrivals.push_back(Some(micros));
            return;
        }
        if at >= self.arrivals.len() {
            self.arrivals.resize(at + 1, None);
        }
        self.arrivals[at].get_or_insert(micros);
    }

    /// The next feedback message; call until `None`.
    pub(crate) fn message(&mut self) -> Option<TwccBuilder> {
        let base = self.start;
        let first = self.arrivals.iter().flatten().next()?;
        let reference = first / 64_000;
        let mut statuses = Vec::new();
        // In quarters of a millisecond since the reference, so that roundings do not add up.
        let mut previous = 0i64;
        let mut reported = 0;
        for (at, arrival) in self.arrivals.iter().take(PER_MESSAGE).enumerate() {
            let Some(micros) = arrival else {
                statuses.push(TwccPacketStatus::NotReceived);
                continue;
            };
            let time = (*micros as i64 - (reference * 64_000) as i64) / 250;
            let Ok(delta) = i16::try_from(time - previous) else { break };
            statuses.push(TwccPacketStatus::Received { delta });
            previous = time;
            reported = at + 1;
        }
        if reported == 0 {
            // Nothing but holes as far as a message reaches: they are given up as lost.
            reported = statuses.len();
        }
        statuses.truncate(reported);
        self.arrivals.drain(..reported);
        self.start += reported as u64;
        let count = self.messages;
        self.messages = self.messages.wrapping_add(1);
        Some(Twcc::builder(base as u16, (reference & 0xff_ffff) as u32, count, &statuses, None))
    }
}

/// A packet that was sent to a viewer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    pub(crate) at: Instant,
    /// On the line, headers included.
    pub(crate) bytes: u16,
    /// The probing cluster it belongs to; 0 for none.
    pub(crate) probe: u8,
    number: u16,
    reported: Reported,
}

/// What the viewer said about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reported {
    Nothing,
    Missing,
    Received,
}

/// The last packets that were sent to a peer, by transport-wide number.
#[derive(Debug, Default)]
pub(crate) struct SendLog {
    next: u16,
    sent: Vec<Option<Sent>>,
    /// Marks what is sent now: see [`Sent::probe`].
    pub(crate) probe: u8,
    /// Ever sent.
    pub(crate) bytes: u64,
    pub(crate) packets: u64,
}

impl SendLog {
    /// Packets remembered: over a second at the highest rates.
    pub(crate) const PACKETS: usize = 1024;

    /// The number for a packet of so many bytes on the line that leaves now.
    pub(crate) fn send(&mut self, now: Instant, bytes: usize) -> u16 {
        if self.sent.is_empty() {
            self.sent = vec![None; Self::PACKETS];
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.bytes += bytes as u64;
        self.packets += 1;
        let (bytes, probe, reported) = (bytes as u16, self.probe, Reported::Nothing);
        self.sent[usize::from(number) % Self::PACKETS] = Some(Sent { at: now, bytes, probe, number, reported });
        number
    }

    /// The packet with that number.
    pub(crate) fn sent(&self, number: u16) -> Option<&Sent> {
        self.sent.get(usize::from(number) % Self::PACKETS)?.as_ref().filter(|sent| sent.number == number)
    }

    /// The viewer reports a packet; the packet, if that is news.
    pub(crate) fn report(&mut self, number: u16, received: bool) -> Option<Sent> {
        let sent = self.sent.get_mut(usize::from(number) % Self::PACKETS)?.as_mut();
        let sent = sent.filter(|sent| sent.number == number)?;
        let news = match sent.reported {
            Reported::Nothing => true,
            Reported::Missing => received,
            Reported::Received => false,
        };
        if news {
            sent.reported = if received { Reported::Received } else { Reported::Missing };
        }
        news.then_some(*sent)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rtcp_types::TransportFeedback;
    use rtcp_types::prelude::*;

    use super::*;

    /// What a sender reads in a message: (number, arrival in quarters of a millisecond).
    fn read(message: TwccBuilder) -> Vec<(u16, Option<i64>)> {
        let packet = TransportFeedback::builder(&message).sender_ssrc(1).media_ssrc(2);
        let mut bytes = vec![0; packet.calculate_size().unwrap()];
        packet.write_into(&mut bytes).unwrap();
        let packet = TransportFeedback::parse(&bytes).unwrap();
        let twcc = packet.parse_fci::<Twcc<'_>>().unwrap();
        let mut time = i64::from(twcc.reference_time()) * 256;
        let statuses = twcc.packets().map(Result::unwrap);
        let read = statuses.map(|(number, status)| match status {
            TwccPacketStatus::NotReceived => (number, None),
            TwccPacketStatus::Received { delta } => {
                time += i64::from(delta);
                (number, Some(time))
            }
        });
        read.collect()
    }

    #[test]
    fn arrivals_survive_the_encoding() {
        let mut log = ArrivalLog::default();
        let base = 12_345_000u64;
        for (number, micros) in [(65_534u16, 0), (65_535, 1_000), (2, 90_000), (1, 95_250), (3, 95_250)] {
            log.record(number, base + micros);
        }
        let at = |micros: u64| Some(((base + micros) / 250) as i64);
        let expected =
            [(65_534, at(0)), (65_535, at(1_000)), (0, None), (1, at(95_250)), (2, at(90_000)), (3, at(95_250))];
        assert_eq!(read(log.message().unwrap()), expected);
        assert!(log.message().is_none());
        log.record(0, base + 120_000);
        assert_eq!(read(log.message().unwrap())[0], (0, at(120_000)), "a late one is reported after all");
    }

    #[test]
    fn long_runs_pauses_and_jumps_are_split_and_bounded() {
        let mut log = ArrivalLog::default();
        for number in 0..1000u16 {
            log.record(number, u64::from(number) * 100);
        }
        log.record(1000, 60_000_000);
        let mut numbers = Vec::new();
        while let Some(message) = log.message() {
            assert!(message.calculate_size().unwrap() < 1000);
            numbers.extend(read(message).into_iter().filter(|(_, at)| at.is_some()).map(|(number, _)| number));
        }
        assert_eq!(numbers, (0..=1000).collect::<Vec<u16>>());
        for number in [2000, 30_000, 60_000, 5, 3] {
            log.record(number, 1);
            assert!(log.arrivals.len() <= WINDOW + REPORT_AGAIN as usize);
        }
        while log.message().is_some() {}
        assert!(log.arrivals.is_empty());
    }

    #[test]
    fn send_times_are_found_by_number() {
        let (mut log, now) = (SendLog::default(), Instant::now());
        for n in 0..2000u64 {
            log.send(now + Duration::from_millis(n), 100);
        }
        assert_eq!(log.sent(1999).map(|sent| (sent.at, sent.bytes)), Some((now + Duration::from_millis(1999), 100)));
        assert!(log.sent(10).is_none());
        let mut news = |number, received| log.report(number, received).is_some();
        assert!(news(1500, false) && !news(1500, false), "a loss is told once");
        assert!(news(1500, true) && !news(1500, true), "late, not lost; and once");
        assert!(!news(1500, false) && !news(10, true) && !news(40_000, true));
    }
}
