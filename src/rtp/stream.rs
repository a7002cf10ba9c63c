//! A published track and its layers: one layer without simulcast, up to three with.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::ids::{MediaKind, TrackId};

use super::bucket::{Bucket, Rate};
use super::cache::Cache;
use super::clock::{MediaTime, Ntp, PublisherClock, ticks};
use super::description::{Codec, CodecName};
use super::history::History;
use super::lane::LaneRef;
use super::meter::Meter;
use super::nack::Nacker;
use super::report::Reception;
use super::slab::Key;
use super::watch::{Useful, Watch};

/// A layer without packets for this long has stopped.
pub(crate) const STOPPED: Duration = Duration::from_millis(1200);
/// The same for a layer whose neighbours go on: a browser short of bandwidth or of processor time stops its largest.
const STOPPED_ALONE: Duration = Duration::from_millis(300);
/// A camera's pictures are not further apart, unless it is dark or the browser itself is held up.
const STEADY: Duration = Duration::from_millis(150);
/// Between a key frame that came and the next request.
const THROTTLE: Duration = Duration::from_millis(300);
/// Between two requests without an answer.
const REPEAT: Duration = Duration::from_millis(500);
/// The same while nothing arrives from the stream: a still picture answers, a camera that is off does not.
const REPEAT_STOPPED: Duration = Duration::from_secs(2);
/// Bytes a second that a video or audio track is carried with. The page sends at most 2.5 Mbit/s of video; whoever sends
/// 12 has lost control of their encoder, or means harm, and each of the bytes would be sent to everybody.
const VIDEO_CEILING: Rate = Rate { per_second: 1_500_000.0, burst: 1_500_000.0 };
const AUDIO_CEILING: Rate = Rate { per_second: 128_000.0, burst: 128_000.0 };
/// What a packet costs besides its bytes: many small ones are no cheaper.
const PACKET_COST: usize = 200;
/// Height taken for the largest layer of a codec whose pictures do not tell theirs.
const NOMINAL_HEIGHT: u16 = 720;

/// Key-frame requests of all viewers of a stream, gathered.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct KeyRequest {
    wanted: bool,
    answered: bool,
    sent: Option<Instant>,
}

impl KeyRequest {
    /// Somebody needs a key frame.
    pub(crate) fn want(&mut self) {
        self.wanted = true;
    }

    /// A key frame came.
    pub(crate) fn answer(&mut self) {
        (self.wanted, self.answered) = (false, true);
    }

    /// Whoever needed one looks elsewhere.
    pub(crate) fn cancel(&mut self) {
        self.wanted = false;
    }

    /// When to ask a stream that is alive or not; `None` while nobody needs a key frame.
    pub(crate) fn due(&self, alive: bool) -> Option<Due> {
        let pause = match (self.answered, alive) {
            (true, _) => THROTTLE,
            (false, true) => REPEAT,
            (false, false) => REPEAT_STOPPED,
        };
        self.wanted.then(|| self.sent.map_or(Due::Now, |sent| Due::At(sent + pause)))
    }

    /// A request was sent.
    pub(crate) fn asked(&mut self, now: Instant) {
        (self.sent, self.answered) = (Some(now), false);
    }
}

/// A moment that may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Now,
    At(Instant),
}

impl Due {
    pub(crate) fn reached(self, now: Instant) -> bool {
        match self {
            Due::Now => true,
            Due::At(at) => at <= now,
        }
    }
}

/// One SSRC's worth of a track.
pub(crate) struct Layer {
    pub(crate) ssrc: Option<u32>,
    /// Of the newest key frame.
    pub(crate) height: Option<u16>,
    /// The same where it is not smaller because that is enough.
    full: Option<u16>,
    /// When the newest packet came.
    pub(crate) seen: Option<Instant>,
    /// Since when no two of its packets were further apart than [`STEADY`].
    steady: Option<Instant>,
    pub(crate) alive: bool,
    pub(crate) reception: Reception,
    pub(crate) nacker: Nacker,
    pub(crate) cache: Cache,
    /// Sound only.
    pub(crate) history: History,
    pub(crate) key: KeyRequest,
    pub(crate) meter: Meter,
    /// The publisher's newest sender report, in its own time.
    pub(crate) report: Option<MediaTime>,
    /// Timestamp and arrival of the newest packet.
    latest: Option<(u32, Instant)>,
    /// What is added to the indices of the present SSRC, so that a new SSRC goes on above the old one.
    base: u64,
    /// The highest sequence number without wraps.
    pub(crate) highest: Option<u64>,
}

impl Layer {
    pub(crate) fn new() -> Layer {
        Layer {
            ssrc: None,
            height: None,
            full: None,
            seen: None,
            steady: None,
            alive: false,
            reception: Reception::default(),
            nacker: Nacker::default(),
            cache: Cache::new(),
            history: History::default(),
            key: KeyRequest::default(),
            meter: Meter::default(),
            report: None,
            latest: None,
            base: 0,
            highest: None,
        }
    }

    /// The layer is sent with another SSRC from now on; true if it had one before.
    pub(crate) fn rebind(&mut self, ssrc: u32) -> bool {
        if let Some(highest) = self.highest {
            self.base = ((highest >> 16) + 2) << 16;
        }
        self.reception = Reception::default();
        self.nacker = Nacker::default();
        (self.report, self.latest) = (None, None);
        self.history.clear();
        self.ssrc.replace(ssrc).is_some()
    }

    /// The number of a packet in the life of the layer, from its index in the life of its SSRC.
    pub(crate) fn sequence(&self, index: u64) -> u64 {
        self.base + index
    }

    /// A packet was received: true if the layer was not alive.
    pub(crate) fn touch(&mut self, sequence: u64, timestamp: u32, now: Instant) -> bool {
        if self.seen.replace(now).is_none_or(|seen| now.saturating_duration_since(seen) > STEADY) {
            self.steady = Some(now);
        }
        if self.highest.is_none_or(|highest| sequence > highest) {
            self.highest = Some(sequence);
            self.latest = Some((timestamp, now));
        }
        !std::mem::replace(&mut self.alive, true)
    }
}

/// See the module.
pub(crate) struct Track {
    pub(crate) id: TrackId,
    pub(crate) publisher: Key,
    pub(crate) cname: Arc<str>,
    pub(crate) codec: Codec,
    pub(crate) kind: MediaKind,
    /// Published by the mix: no RTCP, no layers.
    pub(crate) local: bool,
    pub(crate) silenced: bool,
    pub(crate) started: bool,
    pub(crate) layers: Vec<Layer>,
    /// What it may still bring: see [`Track::admits`].
    pub(crate) ceiling: Bucket,
    pub(crate) lanes: Vec<LaneRef>,
    pub(crate) watch: Watch,
    /// The publisher's clock, the same in all of its tracks.
    pub(crate) clock: PublisherClock,
}

impl Track {
    pub(crate) fn is_video(&self) -> bool {
        self.kind == MediaKind::Video
    }

    /// Whether a packet of `length` bytes is within what one track may bring.
    pub(crate) fn admits(&mut self, now: Instant, length: usize) -> bool {
        let rate = if self.is_video() { VIDEO_CEILING } else { AUDIO_CEILING };
        self.ceiling.take(now, rate, (length + PACKET_COST) as f64)
    }

    /// Whether anything arrives.
    pub(crate) fn is_alive(&self) -> bool {
        self.layers.iter().any(|layer| layer.alive)
    }

    /// A packet of layer `arrived` came: notices neighbours that have stopped while it went on; true if one has.
    pub(crate) fn notice_stopped(&mut self, arrived: u8, now: Instant) -> bool {
        let longer = |since: Option<Instant>| since.is_some_and(|at| now.saturating_duration_since(at) > STOPPED_ALONE);
        if !longer(self.layers.get(usize::from(arrived)).and_then(|layer| layer.steady)) {
            return false;
        }
        let mut stopped = false;
        for layer in self.layers.iter_mut().filter(|layer| layer.alive && longer(layer.seen)) {
            layer.alive = false;
            layer.key.cancel();
            layer.meter.reset();
            stopped = true;
        }
        stopped
    }

    /// The layer for a picture of that height: the smallest that fills it, else the largest there is. Where nothing
    /// arrives, those that ever came count: a still picture may send nothing for long. `None` before the first packet.
    /// Where only the lowest `allowed` may be sent, the best of those, or the lowest if none of them comes.
    pub(crate) fn choose(&self, height: u16, allowed: u8) -> Option<u8> {
        let alive = self.is_alive();
        let usable = |layer: &usize| if alive { self.layers[*layer].alive } else { self.layers[*layer].seen.is_some() };
        let layers = || (0..self.layers.len().min(usize::from(allowed))).filter(usable);
        let fills = |&layer: &usize| self.height_of(layer) >= height;
        layers().find(fills).or_else(|| layers().next_back()).map(|layer| layer as u8)
    }

    /// What of it a picture of that height could make use of, whether it comes or not.
    pub(crate) fn useful(&self, height: u16) -> Useful {
        let full = |layer: usize| self.lines_of(layer, |layer| layer.full);
        let fills = (0..self.layers.len()).find(|&layer| full(layer) >= height);
        fills.map_or(Useful::whole(self.layers.len() as u8), |layer| Useful::new(layer as u8 + 1, height, full(layer)))
    }

    /// A key frame came with so many lines; true if it had others before.
    pub(crate) fn sized(&mut self, layer: u8, height: u16) -> bool {
        let at = usize::from(layer);
        let shrunk = self.watch.has_shrunk(at, height);
        let layer = &mut self.layers[at];
        layer.full = layer.full.filter(|full| shrunk && *full > height).or(Some(height));
        layer.height.replace(height) != Some(height)
    }

    /// Known, or told by a neighbour (each layer is half the next), or guessed.
    pub(crate) fn height_of(&self, layer: usize) -> u16 {
        self.lines_of(layer, |layer| layer.height)
    }

    fn lines_of(&self, layer: usize, lines: impl Fn(&Layer) -> Option<u16>) -> u16 {
        let known = self.layers.iter().enumerate().find_map(|(other, known)| Some((other, lines(known)?)));
        match (lines(&self.layers[layer]), known) {
            (Some(height), _) => height,
            (None, Some((other, height))) if other < layer => height.saturating_mul(1 << (layer - other).min(4)),
            (None, Some((other, height))) => height >> (other - layer).min(15),
            (None, None) => NOMINAL_HEIGHT >> (self.layers.len() - 1 - layer).min(15),
        }
    }

    /// The RTP timestamp of the layer's stream at the server's time `ntp`: through the publisher's sender reports, or
    /// by arrival before the first one.
    pub(crate) fn timestamp_at(&self, layer: u8, ntp: Ntp, now: Instant) -> Option<u32> {
        let layer = self.layers.get(usize::from(layer))?;
        let rate = self.codec.clock_rate;
        let reported = layer.report.zip(self.clock.publisher_time(ntp));
        reported.and_then(|(report, time)| report.at(time, rate)).or_else(|| {
            let (timestamp, at) = layer.latest?;
            Some(timestamp.wrapping_add(ticks(now.saturating_duration_since(at), rate)))
        })
    }
}

/// A codec of the mix: no feedback to it, fixed payload types.
pub(crate) fn local_codec(name: CodecName) -> Codec {
    Codec {
        name,
        payload_type: super::sink::local_payload_type(name),
        rtx: None,
        clock_rate: if name == CodecName::Opus { 48_000 } else { 90_000 },
        nack: false,
        pli: true,
        fir: false,
        transport_cc: false,
    }
}
