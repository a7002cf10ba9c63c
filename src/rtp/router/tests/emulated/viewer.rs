//! Somebody behind a line who reports what arrives, and what is known of it afterwards.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rtcp_types::prelude::*;
use rtcp_types::{CompoundBuilder, ReceiverReport, TransportFeedback};
use str0m_netem::{Bitrate, DataSize, Input, LossModel, Netem, NetemConfig, Output, Probability, RandomLoss};

use super::super::harness::*;
use super::publisher::Frame;
use super::{LATENCY, VIDEO_SSRC, keys};
use crate::domain::ids::PeerId;
use crate::rtp::packet::{Header, is_rtcp};
use crate::rtp::srtp::{Receiver, Sender};
use crate::rtp::twcc::ArrivalLog;
use crate::rtp::vp8::Descriptor;

/// IP and UDP.
const HEADERS: usize = 28;
/// What a line may hold before it drops.
const BUFFER: Duration = Duration::from_millis(600);

/// A line to a viewer.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Road {
    pub(in super::super) rate: u64,
    pub(in super::super) loss: f32,
    pub(in super::super) jitter: u64,
    /// Of what is lost and late.
    pub(in super::super) seed: u64,
}

impl Road {
    pub(in super::super) fn of(rate: u64) -> Road {
        Road { rate, loss: 0.0, jitter: 0, seed: 5 }
    }

    pub(in super::super) fn config(self) -> NetemConfig {
        let loss = match self.loss {
            0.0 => LossModel::None,
            loss => RandomLoss::new(Probability::new(loss)).into(),
        };
        // The emulator counts what is on its way as buffered.
        let buffer = self.rate as f64 / 8.0 * (BUFFER + LATENCY).as_secs_f64();
        NetemConfig::new()
            .latency(LATENCY + ms(self.jitter))
            .jitter(ms(self.jitter))
            .loss(loss)
            .link(Bitrate::from(self.rate), DataSize::from(buffer as usize))
            .seed(self.seed)
    }
}

pub(in super::super) struct Viewer {
    pub(in super::super) id: PeerId,
    sender: Sender,
    receiver: Receiver,
    line: Netem<Vec<u8>>,
    road: Road,
    arrivals: ArrivalLog,
    pub(super) reports: VecDeque<(Instant, Vec<u8>)>,
    /// Send times by transport-wide number, and whether a picture ended there.
    sent: Vec<Option<(Instant, bool)>>,
    /// When, how long the packet waited in the queue in ms, and its length on the line.
    pub(in super::super) got: Vec<(Duration, f64, usize)>,
    pub(in super::super) voice: usize,
    /// Voice packets that did not come (yet): number and when it was sent.
    missing: Vec<(u16, Instant)>,
    /// When, and the estimate.
    pub(in super::super) estimates: Vec<(Duration, f64)>,
    /// When, and how many layers of each picture arrive at present.
    pub(in super::super) layers: Vec<(Duration, Vec<u8>)>,
    probes: usize,
    joined: Instant,
    /// Pictures as they were sent to it, packet by packet, one list for each slot.
    pub(in super::super) pictures: Vec<Vec<Picture>>,
    /// When the last packet of the first picture came.
    pub(in super::super) first_picture: Option<Duration>,
}

/// A packet of a picture on its way to the viewer.
#[derive(Debug, Clone)]
pub(in super::super) struct Picture {
    pub(in super::super) at: Duration,
    /// RTP sequence number without wraps.
    pub(in super::super) index: u64,
    pub(in super::super) descriptor: Option<Descriptor>,
    pub(in super::super) frame: Frame,
}

impl Viewer {
    pub(super) fn new(id: PeerId, road: Road, now: Instant) -> Viewer {
        Viewer {
            id,
            sender: Sender::new(&keys(id).receive),
            receiver: Receiver::new(&keys(id).send),
            line: Netem::new(road.config()),
            road,
            arrivals: ArrivalLog::default(),
            reports: VecDeque::new(),
            sent: vec![None; 1 << 16],
            got: vec![],
            voice: 0,
            missing: vec![],
            estimates: vec![],
            layers: vec![],
            probes: 0,
            joined: now,
            pictures: vec![],
            first_picture: None,
        }
    }

    pub(super) fn change(&mut self, road: Road) {
        self.road = road;
        self.line.set_config(road.config());
    }

    /// Keeps what is sent on the slots from `VIDEO_SSRC` on; whether that is the end of a picture.
    fn keep(&mut self, at: Duration, header: &Header, datagram: &[u8]) -> bool {
        let slot = header.ssrc.checked_sub(VIDEO_SSRC).filter(|ssrc| ssrc.is_multiple_of(10));
        let Some(slot) = slot else { return false };
        let mut datagram = datagram.to_vec();
        let done = self.receiver.rtp(&mut datagram, header).unwrap();
        let payload = &datagram[header.payload..done.length];
        let slot = slot as usize / 10;
        if self.pictures.len() <= slot {
            self.pictures.resize(slot + 1, vec![]);
        }
        let (frame, descriptor) = (Frame::read(payload), Descriptor::parse(payload));
        let ends = frame.left == 0;
        self.pictures[slot].push(Picture { at, index: done.index, descriptor, frame });
        ends
    }

    pub(super) fn send(&mut self, now: Instant, mut datagram: Vec<u8>) {
        if !is_rtcp(&datagram) {
            let header = Header::parse(&datagram).unwrap();
            let (_, number) = header.elements(&datagram).find(|(id, _)| *id == TRANSPORT_CC).unwrap();
            let number = u16::from_be_bytes([number[0], number[1]]);
            let ends = self.keep(now - self.joined, &header, &datagram);
            self.sent[usize::from(number)] = Some((now, ends));
            if header.payload_type == 111 {
                self.voice += 1;
                self.missing.push((number, now));
            }
            self.probes += usize::from(header.payload_type == 97);
        }
        datagram.resize(datagram.len() + HEADERS, 0);
        self.line.handle_input(Input::Packet(now, datagram));
    }

    /// A datagram that is not media on the line to it.
    pub(super) fn crowd(&mut self, now: Instant, bytes: usize) {
        let mut datagram = vec![0; bytes.max(2)];
        // As RTCP, which `receive` does not look at.
        datagram[..2].copy_from_slice(&[0x80, 200]);
        self.line.handle_input(Input::Packet(now, datagram));
    }

    pub(super) fn receive(&mut self, now: Instant, start: Instant, tick: u64) {
        self.line.handle_input(Input::Timeout(now));
        while let Some(output) = self.line.poll_output() {
            let Output::Packet(datagram) = output else { break };
            if is_rtcp(&datagram) {
                continue;
            }
            let header = Header::parse(&datagram).unwrap();
            let (_, number) = header.elements(&datagram).find(|(id, _)| *id == TRANSPORT_CC).unwrap();
            let number = u16::from_be_bytes([number[0], number[1]]);
            // Its clock is not ours.
            self.arrivals.record(number, (now - start).as_micros() as u64 + 777_000_000);
            let (sent, ends) = self.sent[usize::from(number)].unwrap();
            let waited = (now - sent).saturating_sub(LATENCY + ms(self.road.jitter)).as_secs_f64() * 1000.0;
            self.got.push((now - start, waited, datagram.len()));
            if ends {
                self.first_picture.get_or_insert(now - self.joined);
            }
            if header.payload_type == 111 {
                self.missing.retain(|missing| missing.0 != number);
            }
        }
        if tick.is_multiple_of(50) {
            while let Some(message) = self.arrivals.message() {
                let feedback = TransportFeedback::builder_owned(message).sender_ssrc(9).media_ssrc(100);
                let compound = CompoundBuilder::default().add_packet(ReceiverReport::builder(9)).add_packet(feedback);
                let mut datagram = vec![0; 1500];
                let length = compound.write_into(&mut datagram).unwrap();
                let length = self.sender.rtcp(&mut datagram, length);
                datagram.truncate(length);
                self.reports.push_back((now + LATENCY, datagram));
            }
        }
    }

    /// The queueing delay in ms that this part of the packets from `from` to `to` (in s) stayed below.
    pub(in super::super) fn waited(&self, part: f64, from: u64, to: u64) -> f64 {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        let mut waits: Vec<f64> = self.got.iter().filter(|got| span.contains(&got.0)).map(|got| got.1).collect();
        waits.sort_by(f64::total_cmp);
        waits.get((waits.len() as f64 * part) as usize).copied().unwrap_or(f64::NAN)
    }

    /// Voice packets that were lost; what may still be on its way is not counted.
    pub(in super::super) fn voice_lost(&self) -> usize {
        self.lost().len()
    }

    /// When those were sent.
    pub(in super::super) fn lost(&self) -> Vec<Instant> {
        let newest = self.missing.iter().map(|missing| missing.1).max();
        let is_lost = |sent: &Instant| newest.is_some_and(|newest| newest - *sent > BUFFER + LATENCY);
        self.missing.iter().map(|missing| missing.1).filter(is_lost).collect()
    }

    /// Bits/s that arrived.
    pub(in super::super) fn rate(&self, from: u64, to: u64) -> f64 {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        let bytes: usize = self.got.iter().filter(|got| span.contains(&got.0)).map(|got| got.2).sum();
        bytes as f64 * 8.0 / (to - from) as f64
    }

    /// The mean estimate.
    pub(in super::super) fn estimate(&self, from: u64, to: u64) -> f64 {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        let all: Vec<f64> = self.estimates.iter().filter(|at| span.contains(&at.0)).map(|at| at.1).collect();
        all.iter().sum::<f64>() / all.len() as f64
    }

    /// How often a picture changed its layer.
    pub(in super::super) fn changes(&self, from: u64, to: u64) -> usize {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        let all: Vec<_> = self.layers.iter().filter(|at| span.contains(&at.0)).map(|at| &at.1).collect();
        all.windows(2).map(|pair| pair[0].iter().zip(pair[1]).filter(|(a, b)| a != b).count()).sum()
    }

    /// A line per second: what somebody looks at who wants to know why.
    pub(in super::super) fn print(&self, title: &str, from: u64, to: u64) {
        println!("{title}: {:?}, {} probing packets", self.road, self.probes);
        for second in from..to {
            let at = |list: &Duration| *list >= Duration::from_secs(second);
            let layers = self.layers.iter().find(|entry| at(&entry.0)).map(|entry| entry.1.clone());
            println!(
                "  {second:3} s  estimate {:7.0}  arrives {:7.0}  waits p50 {:4.0} p95 {:4.0} max {:4.0} ms  {:?}",
                self.estimate(second, second + 1) / 1000.0,
                self.rate(second, second + 1) / 1000.0,
                self.waited(0.5, second, second + 1),
                self.waited(0.95, second, second + 1),
                self.waited(0.9999, second, second + 1),
                layers.unwrap_or_default(),
            );
        }
    }
}
