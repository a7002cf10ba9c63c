//! A room in virtual time with viewers behind emulated lines: publishers with simulcast whose layers have a bitrate, key
//! frames on request, and viewers that report what arrives.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use rtcp_types::prelude::*;
use rtcp_types::{CompoundBuilder, ReceiverReport, TransportFeedback};
use str0m_netem::{Bitrate, DataSize, Input, LossModel, Netem, NetemConfig, Output, Probability, RandomLoss};

use super::harness::*;
use crate::domain::ids::{PeerId, Priority, SlotIndex, Source};
use crate::rtp::Outbound;
use crate::rtp::description::{Extensions, PeerMedia};
use crate::rtp::packet::{Header, is_rtcp};
use crate::rtp::random::Random;
use crate::rtp::router::{Router, RouterEvent, SrtpKeys, View};
use crate::rtp::srtp::{Receiver, Sender, TAG};
use crate::rtp::twcc::ArrivalLog;
use crate::rtp::vp8;

/// IP and UDP.
const HEADERS: usize = 28;
pub(super) const LATENCY: Duration = Duration::from_millis(25);
/// What a line may hold before it drops.
const BUFFER: Duration = Duration::from_millis(600);
const FRAME: u64 = 33;
const RIDS: [&str; 3] = ["q", "h", "f"];
pub(super) const RATES: [u64; 3] = [150_000, 500_000, 1_200_000];
const AUDIO_SLOTS: u32 = 3;

/// A line to a viewer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Road {
    pub(super) rate: u64,
    pub(super) loss: f32,
    pub(super) jitter: u64,
}

impl Road {
    pub(super) fn of(rate: u64) -> Road {
        Road { rate, loss: 0.0, jitter: 0 }
    }

    fn config(self) -> NetemConfig {
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
            .seed(5)
    }
}

/// A datagram on a line: when it was sent, and its bytes.
type OnLine = Vec<u8>;

pub(super) struct Viewer {
    pub(super) id: PeerId,
    sender: Sender,
    line: Netem<OnLine>,
    road: Road,
    arrivals: ArrivalLog,
    reports: VecDeque<(Instant, Vec<u8>)>,
    /// Send times by transport-wide number.
    sent: Vec<Option<Instant>>,
    /// When, how long the packet waited in the queue in ms, and its length on the line.
    pub(super) got: Vec<(Duration, f64, usize)>,
    pub(super) voice: usize,
    /// Voice packets that did not come (yet): number and when it was sent.
    missing: Vec<(u16, Instant)>,
    /// When, and the estimate.
    pub(super) estimates: Vec<(Duration, f64)>,
    /// When, and how many layers of each picture arrive at present.
    pub(super) layers: Vec<(Duration, Vec<u8>)>,
    probes: usize,
}

struct Publisher {
    id: PeerId,
    sender: Sender,
    receiver: Receiver,
    pending: VecDeque<(Instant, Draft)>,
    index: [u64; 3],
    picture: [u64; 3],
    key_at: [Option<Instant>; 3],
    audio: u64,
    speaks: bool,
}

pub(super) struct Room {
    pub(super) router: Router,
    pub(super) start: Instant,
    pub(super) now: Instant,
    publishers: Vec<Publisher>,
    pub(super) viewers: Vec<Viewer>,
    pub(super) events: Vec<(Duration, RouterEvent)>,
    random: Random,
    key_frames: usize,
}

#[derive(Default)]
struct Collector(Vec<(PeerId, Vec<u8>)>, Vec<RouterEvent>);

impl Outbound for Collector {
    fn transmit(&mut self, peer: PeerId, datagram: &[u8]) {
        self.0.push((peer, datagram.to_vec()));
    }

    fn event(&mut self, event: RouterEvent) {
        self.1.push(event);
    }
}

fn keys(peer: PeerId) -> SrtpKeys {
    SrtpKeys { receive: [peer.0 as u8; 30], send: [peer.0 as u8 + 100; 30] }
}

fn extensions() -> Extensions {
    ordinary().extensions
}

fn publishing() -> PeerMedia {
    let camera = receive("1", Source::Camera, vp8_codec(96, Some(97)), &RIDS);
    PeerMedia {
        receives: vec![receive("0", Source::Microphone, opus_codec(111), &[]), camera],
        slots: vec![],
        extensions: extensions(),
    }
}

fn viewing(pictures: u32) -> PeerMedia {
    let audio = (0..AUDIO_SLOTS).map(|at| slot("a", vec![opus_codec(111)], 100 + 10 * at));
    let video = (0..pictures).map(|at| slot("v", vec![vp8_codec(96, Some(97))], 1000 + 10 * at));
    PeerMedia { receives: vec![], slots: audio.chain(video).collect(), extensions: extensions() }
}

impl Room {
    /// `people` publish; a viewer behind each road is shown all of them at `height`, the first with priority.
    pub(super) fn new(people: u64, roads: &[Road], height: u16) -> Room {
        let start = Instant::now();
        let router = Router::new(7, start, Duration::from_secs(1_700_000_000));
        let mut room = Room {
            router,
            start,
            now: start,
            publishers: vec![],
            viewers: vec![],
            events: vec![],
            random: Random::new(3),
            key_frames: 0,
        };
        for id in (1..=people).map(PeerId) {
            room.router.add_peer(id, "publisher", publishing());
            room.router.set_keys(id, &keys(id));
            let (sender, receiver) = (Sender::new(&keys(id).receive), Receiver::new(&keys(id).send));
            room.publishers.push(Publisher {
                id,
                sender,
                receiver,
                pending: VecDeque::new(),
                index: [0; 3],
                picture: [0; 3],
                key_at: [Some(start); 3],
                audio: 0,
                speaks: id.0 == 1,
            });
        }
        // They were there before.
        room.run(ms(2000));
        for (at, road) in roads.iter().enumerate() {
            room.enter(PeerId(50 + at as u64), *road, people, height);
        }
        room
    }

    fn enter(&mut self, id: PeerId, road: Road, people: u64, height: u16) {
        self.router.add_peer(id, "viewer", viewing(people as u32));
        self.router.set_keys(id, &keys(id));
        self.viewers.push(Viewer {
            id,
            sender: Sender::new(&keys(id).receive),
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
        });
        let voice = View { feed: Some(microphone_of(PeerId(1))), height: 0, priority: Priority::Voice };
        self.act(|router, now, out| router.assign(now, id, SlotIndex(0), voice, out));
        for person in 1..=people {
            let priority = if person == 1 { Priority::Speaker } else { Priority::Other };
            let view = View { feed: Some(camera_of(PeerId(person))), height, priority };
            let slot = SlotIndex((AUDIO_SLOTS as u64 + person - 1) as u16);
            self.act(|router, now, out| router.assign(now, id, slot, view, out));
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub(super) fn change(&mut self, viewer: usize, road: Road) {
        let viewer = &mut self.viewers[viewer];
        viewer.road = road;
        viewer.line.set_config(road.config());
    }

    fn act(&mut self, act: impl FnOnce(&mut Router, Instant, &mut dyn Outbound)) {
        let mut out = Collector::default();
        act(&mut self.router, self.now, &mut out);
        let elapsed = self.elapsed();
        self.events.extend(out.1.into_iter().map(|event| (elapsed, event)));
        for (peer, datagram) in out.0 {
            if let Some(viewer) = self.viewers.iter_mut().find(|viewer| viewer.id == peer) {
                viewer.send(self.now, datagram);
            } else if let Some(publisher) = self.publishers.iter_mut().find(|publisher| publisher.id == peer) {
                publisher.hear(self.now, datagram, &mut self.key_frames);
            }
        }
    }

    pub(super) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.now < until {
            self.step();
            self.now += ms(1);
        }
    }

    fn step(&mut self) {
        if self.router.next_timeout().is_some_and(|at| at <= self.now) {
            self.act(|router, now, out| router.handle_timeout(now, out));
        }
        let tick = self.elapsed().as_millis() as u64;
        for at in 0..self.publishers.len() {
            self.publishers[at].make(tick, self.now, &mut self.random);
            while let Some((_, draft)) = self.publishers[at].pending.pop_front_if(|(due, _)| *due <= self.now) {
                let publisher = &self.publishers[at];
                let (mut packet, start) = draft.plain();
                let length = packet.len();
                packet.resize(length + TAG, 0);
                publisher.sender.rtp(&mut packet, start, length, draft.ssrc, draft.index);
                let id = publisher.id;
                self.act(|router, now, out| router.handle(now, id, &mut packet, out));
            }
        }
        for at in 0..self.viewers.len() {
            self.viewers[at].receive(self.now, self.start, tick);
            while let Some((_, mut report)) = self.viewers[at].reports.pop_front_if(|(due, _)| *due <= self.now) {
                let id = self.viewers[at].id;
                self.act(|router, now, out| router.handle(now, id, &mut report, out));
            }
            if tick.is_multiple_of(100) {
                let viewer = &mut self.viewers[at];
                let elapsed = self.now - self.start;
                let estimate = self.router.estimate(viewer.id).map_or(f64::NAN, f64::from);
                viewer.estimates.push((elapsed, estimate));
                viewer.layers.push((elapsed, self.router.sent_layers(viewer.id)));
            }
        }
    }
}

impl Publisher {
    fn make(&mut self, tick: u64, now: Instant, random: &mut Random) {
        if tick.is_multiple_of(20) && self.speaks {
            self.audio += 1;
            self.pending.push_back((now, Draft::audio(10, self.audio, 30)));
        }
        for layer in 0..3 {
            // Cameras are not in step.
            if (tick + 7 * self.id.0).is_multiple_of(FRAME) {
                self.frame(layer, tick, now, random);
            }
        }
    }

    fn frame(&mut self, layer: usize, tick: u64, now: Instant, random: &mut Random) {
        let key = self.key_at[layer].is_some_and(|at| at <= now);
        if key {
            self.key_at[layer] = None;
        }
        self.picture[layer] += 1;
        let average = RATES[layer] * FRAME / 8000;
        let noise = 80 + random.next() % 41;
        let mut size = (average * noise / 100) as usize * if key { 4 } else { 1 };
        let picture = self.picture[layer] as u16 & 0x7fff;
        let mut start = true;
        let mut step = 0;
        while size > 0 {
            let part = size.clamp(40, 1100);
            let mut payload = vp8::tests::packet(picture, picture as u8, start, (key && start).then_some(180 << layer));
            payload.resize(part, 7);
            self.index[layer] += 1;
            let draft = Draft::video(31 + layer as u32, self.index[layer], payload);
            let draft = Draft { timestamp: tick as u32 * 90, ..draft };
            let draft = draft.element(MID, b"1").element(RID, RIDS[layer].as_bytes());
            // A publisher paces what it sends.
            self.pending.push_back((now + ms(step), draft));
            (start, step) = (false, step + 1);
            size = size.saturating_sub(part);
        }
        self.pending.make_contiguous().sort_by_key(|(at, _)| *at);
    }

    fn hear(&mut self, now: Instant, mut datagram: Vec<u8>, key_frames: &mut usize) {
        let Ok(length) = self.receiver.rtcp(&mut datagram) else { return };
        for packet in parse(&datagram[..length]) {
            for layer in 0..3 {
                if is_pli(&packet, 31 + layer as u32) {
                    *key_frames += 1;
                    self.key_at[layer].get_or_insert(now + ms(60));
                }
            }
        }
    }
}

impl Viewer {
    fn send(&mut self, now: Instant, mut datagram: OnLine) {
        if !is_rtcp(&datagram) {
            let header = Header::parse(&datagram).unwrap();
            let (_, number) = header.elements(&datagram).find(|(id, _)| *id == TRANSPORT_CC).unwrap();
            let number = u16::from_be_bytes([number[0], number[1]]);
            self.sent[usize::from(number)] = Some(now);
            if header.payload_type == 111 {
                self.voice += 1;
                self.missing.push((number, now));
            }
            self.probes += usize::from(header.payload_type == 97);
        }
        datagram.resize(datagram.len() + HEADERS, 0);
        self.line.handle_input(Input::Packet(now, datagram));
    }

    fn receive(&mut self, now: Instant, start: Instant, tick: u64) {
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
            let sent = self.sent[usize::from(number)].unwrap();
            let waited = (now - sent).saturating_sub(LATENCY + ms(self.road.jitter)).as_secs_f64() * 1000.0;
            self.got.push((now - start, waited, datagram.len()));
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
    pub(super) fn waited(&self, part: f64, from: u64, to: u64) -> f64 {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        let mut waits: Vec<f64> = self.got.iter().filter(|got| span.contains(&got.0)).map(|got| got.1).collect();
        waits.sort_by(f64::total_cmp);
        waits.get((waits.len() as f64 * part) as usize).copied().unwrap_or(f64::NAN)
    }

    /// Voice packets that were lost; what may still be on its way is not counted.
    pub(super) fn voice_lost(&self) -> usize {
        let newest = self.missing.iter().map(|missing| missing.1).max();
        self.missing.iter().filter(|missing| newest.is_some_and(|newest| newest - missing.1 > BUFFER + LATENCY)).count()
    }

    /// Bits/s that arrived.
    pub(super) fn rate(&self, from: u64, to: u64) -> f64 {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        let bytes: usize = self.got.iter().filter(|got| span.contains(&got.0)).map(|got| got.2).sum();
        bytes as f64 * 8.0 / (to - from) as f64
    }

    /// The mean estimate.
    pub(super) fn estimate(&self, from: u64, to: u64) -> f64 {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        let all: Vec<f64> = self.estimates.iter().filter(|at| span.contains(&at.0)).map(|at| at.1).collect();
        all.iter().sum::<f64>() / all.len() as f64
    }

    /// How often a picture changed its layer.
    pub(super) fn changes(&self, from: u64, to: u64) -> usize {
        let span = Duration::from_secs(from)..Duration::from_secs(to);
        let all: Vec<_> = self.layers.iter().filter(|at| span.contains(&at.0)).map(|at| &at.1).collect();
        all.windows(2).map(|pair| pair[0].iter().zip(pair[1]).filter(|(a, b)| a != b).count()).sum()
    }

    /// A line per second: what somebody looks at who wants to know why.
    pub(super) fn print(&self, title: &str, from: u64, to: u64) {
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
