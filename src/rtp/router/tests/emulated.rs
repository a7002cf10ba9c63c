//! A room in virtual time with viewers behind emulated lines: publishers with simulcast whose layers have a bitrate, key
//! frames on request, and viewers that report what arrives.

use std::time::{Duration, Instant};

use super::harness::*;
use crate::domain::ids::{PeerId, Priority, SlotIndex};
use crate::rtp::Outbound;
use crate::rtp::description::{Extensions, PeerMedia};
use crate::rtp::random::Random;
use crate::rtp::router::{Router, RouterEvent, SrtpKeys, View};
use crate::rtp::srtp::TAG;

mod publisher;
mod viewer;

use publisher::Publisher;
pub(super) use publisher::{Camera, Frame};
pub(super) use viewer::{Picture, Road, Viewer};

pub(super) const LATENCY: Duration = Duration::from_millis(25);
pub(super) const RATES: [u64; 3] = [150_000, 500_000, 1_200_000];
const AUDIO_SLOTS: u32 = 3;
/// Of the first picture; the next is 10 higher.
const VIDEO_SSRC: u32 = 1000;
/// Of TCP.
const SEGMENT: usize = 1400;

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

fn viewing(pictures: u32) -> PeerMedia {
    let audio = (0..AUDIO_SLOTS).map(|at| slot("a", vec![opus_codec(111)], 100 + 10 * at));
    let video = (0..pictures).map(|at| slot("v", vec![vp8_codec(96, Some(97))], VIDEO_SSRC + 10 * at));
    PeerMedia { receives: vec![], slots: audio.chain(video).collect(), extensions: extensions() }
}

impl Room {
    /// `people` publish; a viewer behind each road is shown all of them at `height`, the first with priority.
    pub(super) fn new(people: u64, roads: &[Road], height: u16) -> Room {
        Room::with(Camera::SIMULCAST, people, roads, height)
    }

    /// The same with other cameras.
    pub(super) fn with(camera: Camera, people: u64, roads: &[Road], height: u16) -> Room {
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
            room.publish(id, camera);
        }
        // They were there before.
        room.run(ms(2000));
        for (at, road) in roads.iter().enumerate() {
            room.enter(PeerId(50 + at as u64), *road, people, height);
        }
        room
    }

    pub(super) fn publish(&mut self, id: PeerId, camera: Camera) {
        self.router.add_peer(id, "publisher", camera.media());
        self.router.set_keys(id, &keys(id));
        self.publishers.push(Publisher::new(id, camera, self.now));
    }

    pub(super) fn enter(&mut self, id: PeerId, road: Road, people: u64, height: u16) {
        self.router.add_peer(id, "viewer", viewing(people as u32));
        self.router.set_keys(id, &keys(id));
        self.viewers.push(Viewer::new(id, road, self.now));
        let voice = View { feed: Some(microphone_of(PeerId(1))), height: 0, priority: Priority::Voice };
        self.act(|router, now, out| router.assign(now, id, SlotIndex(0), voice, out));
        for person in 1..=people {
            let priority = if person == 1 { Priority::Speaker } else { Priority::Other };
            self.show(id, person - 1, View { feed: Some(camera_of(PeerId(person))), height, priority });
        }
    }

    /// Fills a viewer's picture slot.
    pub(super) fn show(&mut self, viewer: PeerId, slot: u64, view: View) {
        let slot = SlotIndex((AUDIO_SLOTS as u64 + slot) as u16);
        self.act(|router, now, out| router.assign(now, viewer, slot, view, out));
    }

    /// Something else on a viewer's line, in one go.
    pub(super) fn crowd(&mut self, viewer: usize, bytes: usize) {
        for at in (0..bytes).step_by(SEGMENT) {
            self.viewers[viewer].crowd(self.now, SEGMENT.min(bytes - at));
        }
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    pub(super) fn change(&mut self, viewer: usize, road: Road) {
        self.viewers[viewer].change(road);
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
