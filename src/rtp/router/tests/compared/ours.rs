//! The estimator of viewers' lines with its prober, and a viewer that reports every 50 ms.

use std::collections::VecDeque;
use std::time::Instant;

use rtcp_types::prelude::*;
use rtcp_types::{TransportFeedback, Twcc};

use super::super::emulated::LATENCY;
use super::super::harness::ms;
use super::{Datagram, Kind, MARGIN, OVERHEAD, PAYLOAD, Pair, START};
use crate::rtp::estimator::Goal;
use crate::rtp::line::Line;
use crate::rtp::twcc::{ArrivalLog, SendLog};

/// A probing packet of nothing but padding.
const PADDING: usize = 255;

pub(super) struct Ours {
    line: Line,
    log: SendLog,
    arrivals: ArrivalLog,
    reports: VecDeque<(Instant, Vec<u8>)>,
    written: Vec<Datagram>,
    start: Instant,
}

impl Ours {
    pub(super) fn new() -> (Ours, Instant) {
        let start = Instant::now();
        let ours = Ours {
            line: Line::new(start, START as f64),
            log: SendLog::default(),
            arrivals: ArrivalLog::default(),
            reports: VecDeque::new(),
            written: vec![],
            start,
        };
        (ours, start)
    }

    fn send(&mut self, now: Instant, payload: usize, kind: Kind) {
        let number = self.log.send(now, payload + OVERHEAD);
        let mut bytes = vec![0; payload + OVERHEAD - 28];
        bytes[..2].copy_from_slice(&number.to_be_bytes());
        self.written.push(Datagram::new(bytes, now, kind));
    }

    fn probe(&mut self, now: Instant, wanted: f64) {
        let estimate = self.line.estimator.estimate();
        if estimate * MARGIN < wanted && self.line.estimator.is_calm(now) {
            let counts = (self.log.bytes, self.log.packets);
            if let Some(mark) =
                self.line.estimator.prober.begin(now, estimate, Goal { rate: wanted, patient: false }, counts)
            {
                self.log.probe = mark;
            }
        }
    }

    fn continue_probe(&mut self, now: Instant) {
        if !self.line.estimator.prober.is_sending() {
            return;
        }
        let Some(due) = self.line.estimator.prober.due(now, (self.log.bytes, self.log.packets)) else {
            self.log.probe = 0;
            return;
        };
        let mut left = due;
        while left > 0 {
            // The router repeats packets of pictures where they fit.
            let payload = if left + 400 > PAYLOAD { PAYLOAD } else { PADDING };
            self.send(now, payload, Kind::Probe);
            left = left.saturating_sub(payload + OVERHEAD);
        }
    }
}

impl Pair for Ours {
    fn write(&mut self, now: Instant, payload: usize) {
        self.send(now, payload, Kind::Media);
    }

    fn poll(&mut self, now: Instant, wanted: f64) -> Vec<Datagram> {
        let micros = (now - self.start).as_micros();
        if micros.is_multiple_of(50_000) {
            while let Some(message) = self.arrivals.message() {
                let feedback = TransportFeedback::builder_owned(message).sender_ssrc(9).media_ssrc(100);
                let mut bytes = vec![0; 1500];
                let length = feedback.write_into(&mut bytes).unwrap();
                bytes.truncate(length);
                self.reports.push_back((now + LATENCY, bytes));
            }
        }
        while let Some((_, report)) = self.reports.pop_front_if(|(at, _)| *at <= now) {
            let feedback = TransportFeedback::parse(&report).unwrap();
            let twcc = feedback.parse_fci::<Twcc<'_>>().unwrap();
            self.line.report(now, &twcc, &mut self.log, LATENCY * 2);
            self.probe(now, wanted);
        }
        if micros.is_multiple_of(250_000) {
            self.line.tick(now, &self.log);
            self.probe(now, wanted);
        }
        if micros.is_multiple_of(5_000) {
            self.continue_probe(now);
        }
        std::mem::take(&mut self.written)
    }

    fn arrive(&mut self, now: Instant, datagram: Datagram) {
        let number = u16::from_be_bytes([datagram.bytes[0], datagram.bytes[1]]);
        // Its clock is not ours.
        self.arrivals.record(number, (now + ms(777_000) - self.start).as_micros() as u64);
    }

    fn estimate(&self) -> f64 {
        self.line.estimator.estimate()
    }
}
