//! Somebody whose camera sends layers of a bitrate, with temporal layers if it is told to, and key frames on request.

use std::collections::VecDeque;
use std::time::Instant;

use super::super::harness::*;
use super::{extensions, keys};
use crate::domain::ids::{PeerId, Source};
use crate::rtp::description::PeerMedia;
use crate::rtp::random::Random;
use crate::rtp::srtp::{Receiver, Sender};
use crate::rtp::vp8::{self, Temporal};

const RIDS: [&str; 3] = ["q", "h", "f"];
/// Where a payload says what a decoder would find out: see [`Frame`].
const FRAME_AT: usize = 16;

/// What a camera sends.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Camera {
    /// Bits/s of each layer, 180 lines high, 360 and 720.
    pub(in super::super) rates: &'static [u64],
    /// Temporal layers: 1, 2 or 3.
    pub(in super::super) temporal: u8,
    /// From one frame to the next, ms.
    pub(in super::super) every: u64,
}

/// A frame's place among the temporal layers, in libvpx's order: (TID, Y, share of the bits in percent of the average
/// frame's, TIDs whose last frames it refers to).
type Place = (u8, bool, u64, &'static [u8]);

const L1T2: [Place; 8] = [
    (0, false, 120, &[0]),
    (1, true, 80, &[0]),
    (0, false, 120, &[0]),
    (1, false, 80, &[0, 1]),
    (0, false, 120, &[0]),
    (1, false, 80, &[0, 1]),
    (0, false, 120, &[0]),
    (1, false, 80, &[0, 1]),
];
const L1T3: [Place; 8] = [
    (0, false, 160, &[0]),
    (2, true, 80, &[0]),
    (1, true, 80, &[0]),
    (2, false, 80, &[0, 1]),
    (0, false, 160, &[0]),
    (2, false, 80, &[0, 1]),
    (1, false, 80, &[0, 1]),
    (2, false, 80, &[0, 1]),
];

impl Camera {
    /// A browser's three layers.
    pub(in super::super) const SIMULCAST: Camera = Camera { rates: &super::RATES, temporal: 1, every: 33 };

    pub(super) fn media(self) -> PeerMedia {
        let rids = if self.rates.len() > 1 { &RIDS[..self.rates.len()] } else { &[] };
        let camera = receive("1", Source::Camera, vp8_codec(96, Some(97)), rids);
        PeerMedia {
            receives: vec![receive("0", Source::Microphone, opus_codec(111), &[]), camera],
            slots: vec![],
            extensions: extensions(),
        }
    }

    fn place(self, frame: u64) -> Place {
        match self.temporal {
            1 => (0, true, 100, &[0]),
            2 => L1T2[frame as usize % 8],
            _ => L1T3[frame as usize % 8],
        }
    }
}

/// One layer of a camera.
#[derive(Debug, Default)]
struct Encoder {
    index: u64,
    picture: u64,
    /// Frames since the key frame.
    frame: u64,
    tl0: u8,
    key_at: Option<Instant>,
    /// The last frame of each TID.
    last: [u64; 3],
}

pub(super) struct Publisher {
    pub(super) id: PeerId,
    pub(super) sender: Sender,
    receiver: Receiver,
    camera: Camera,
    pub(super) pending: VecDeque<(Instant, Draft)>,
    encoders: Vec<Encoder>,
    audio: u64,
    speaks: bool,
}

impl Publisher {
    pub(super) fn new(id: PeerId, camera: Camera, now: Instant) -> Publisher {
        Publisher {
            id,
            sender: Sender::new(&keys(id).receive),
            receiver: Receiver::new(&keys(id).send),
            camera,
            pending: VecDeque::new(),
            encoders: camera.rates.iter().map(|_| Encoder { key_at: Some(now), ..Encoder::default() }).collect(),
            audio: 0,
            speaks: id.0 == 1,
        }
    }

    pub(super) fn make(&mut self, tick: u64, now: Instant, random: &mut Random) {
        if tick.is_multiple_of(20) && self.speaks {
            self.audio += 1;
            self.pending.push_back((now, Draft::audio(10, self.audio, 30)));
        }
        for layer in 0..self.encoders.len() {
            // Cameras are not in step.
            if (tick + 7 * self.id.0).is_multiple_of(self.camera.every) {
                self.frame(layer, tick, now, random);
            }
        }
    }

    fn frame(&mut self, layer: usize, tick: u64, now: Instant, random: &mut Random) {
        let encoder = &mut self.encoders[layer];
        let key = encoder.key_at.is_some_and(|at| at <= now);
        if key {
            (encoder.key_at, encoder.frame) = (None, 0);
        }
        encoder.picture += 1;
        let (tid, sync, share, references) = self.camera.place(encoder.frame);
        encoder.frame += 1;
        if tid == 0 {
            encoder.tl0 = encoder.tl0.wrapping_add(1);
        }
        let refers: Vec<u64> = references.iter().map(|&tid| encoder.last[usize::from(tid)]).collect();
        if key {
            encoder.last = [encoder.picture; 3];
        }
        encoder.last[usize::from(tid)] = encoder.picture;
        let average = self.camera.rates[layer] * self.camera.every / 8000 * share / 100;
        let noise = 80 + random.next() % 41;
        let mut size = (average * noise / 100) as usize * if key { 4 } else { 1 };
        let picture = encoder.picture as u16 & 0x7fff;
        let mut start = true;
        let mut step = 0;
        while size > 0 {
            let part = size.clamp(60, 1100);
            let height = (key && start).then_some(180 << layer);
            let mut payload = vp8::tests::layered(picture, encoder.tl0, Temporal { tid, sync }, start, height);
            payload.resize(part, 7);
            let (left, refers) =
                (size.saturating_sub(part).div_ceil(1100) as u64, if key { vec![] } else { refers.clone() });
            Frame { number: encoder.picture, left, refers }.write(&mut payload);
            encoder.index += 1;
            let draft = Draft::video(31 + layer as u32, encoder.index, payload);
            let mut draft = Draft { timestamp: tick as u32 * 90, ..draft }.element(MID, b"1");
            if self.camera.rates.len() > 1 {
                draft = draft.element(RID, RIDS[layer].as_bytes());
            }
            // A publisher paces what it sends.
            self.pending.push_back((now + ms(step), draft));
            (start, step) = (false, step + 1);
            size = size.saturating_sub(part);
        }
        self.pending.make_contiguous().sort_by_key(|(at, _)| *at);
    }

    pub(super) fn hear(&mut self, now: Instant, mut datagram: Vec<u8>, key_frames: &mut usize) {
        let Ok(length) = self.receiver.rtcp(&mut datagram) else { return };
        for packet in parse(&datagram[..length]) {
            for (layer, encoder) in self.encoders.iter_mut().enumerate() {
                if is_pli(&packet, 31 + layer as u32) {
                    *key_frames += 1;
                    encoder.key_at.get_or_insert(now + ms(60));
                }
            }
        }
    }
}

/// What a payload of these cameras says of its frame.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Frame {
    /// Its number at its encoder.
    pub(in super::super) number: u64,
    /// Packets of it that follow.
    pub(in super::super) left: u64,
    /// The frames it refers to.
    pub(in super::super) refers: Vec<u64>,
}

impl Frame {
    fn write(&self, payload: &mut [u8]) {
        let numbers = [self.number, self.left, self.refers.len() as u64].into_iter().chain(self.refers.iter().copied());
        for (place, number) in payload[FRAME_AT..].chunks_mut(8).zip(numbers) {
            place.copy_from_slice(&number.to_be_bytes());
        }
    }

    pub(super) fn read(payload: &[u8]) -> Frame {
        let mut numbers =
            payload[FRAME_AT..].chunks_exact(8).map(|bytes| u64::from_be_bytes(bytes.try_into().unwrap()));
        let mut next = || numbers.next().unwrap();
        let (number, left, count) = (next(), next(), next());
        Frame { number, left, refers: numbers.take(count as usize).collect() }
    }
}
