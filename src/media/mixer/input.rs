//! One track on its way into the mix: RTP in, ordered and decoded in a pipeline of its own, raw media out to a pad of the
//! mix's pipeline. A track that breaks or falls silent can only take itself away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use gst::prelude::*;
use gst_app::{AppSink, AppSinkCallbacks};

use super::canvas::Film;
use super::desk::{Strip, sample_at};
use super::lipsync::{Group, TrackClock};
use crate::domain::ids::TrackId;
use crate::media::links::{Links, SubscriptionId};
use crate::media::pipeline::{BusEvent, Pipeline, Time};
use crate::media::problem::Problem;
use crate::rtp::description::CodecName;
use crate::rtp::sink::{PacketSink, local_payload_type};

/// Packets that are taken in a second in which none comes out of the jitterbuffer: a decoder that stands still piles up no more.
const MOST_PACKETS: u64 = 1024;
/// How long packets wait for one that is missing, in ms. With decoding it must stay under the mixers' latency.
pub(super) const REORDER: u32 = 100;

/// The mix's end of an input.
#[derive(Debug, Clone)]
pub(super) enum Outlet {
    Film(Arc<Film>),
    Sound(Arc<Strip>),
}

/// What the threads of one input share.
#[derive(Debug)]
pub(super) struct Flow {
    time: Time,
    track: TrackId,
    clock: Mutex<TrackClock>,
    group: Arc<Mutex<Group>>,
    /// The mix's end, while there is one.
    outlet: Mutex<Option<Outlet>>,
    /// Running time (ns) at which the last buffer came out.
    last: AtomicU64,
    count: AtomicU64,
    gate: Gate,
    subscription: OnceLock<SubscriptionId>,
}

impl Flow {
    /// A raw buffer left the decoder: moved by the lip-sync delay and pushed on.
    fn deliver(&self, buffer: gst::Buffer, caps: Option<gst::Caps>) {
        self.last.store(self.time.now().nseconds(), Ordering::Relaxed);
        self.count.fetch_add(1, Ordering::Relaxed);
        let Some(outlet) = super::lock(&self.outlet).clone() else { return };
        let delay = gst::ClockTime::from_nseconds(super::lock(&self.group).delay(self.track.source));
        let shown = buffer.pts().map(|pts| pts + delay);
        match outlet {
            Outlet::Film(film) => {
                let info = caps.and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok());
                if let Some((info, shown)) = info.zip(shown) {
                    film.push(buffer, info, shown);
                }
            }
            Outlet::Sound(strip) => {
                if let Some((shown, map)) = shown.zip(buffer.map_readable().ok()) {
                    let samples: Vec<f32> = map.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
                    strip.push(sample_at(shown), &samples);
                }
            }
        }
    }

    /// Tells the group where this track's clock stands.
    fn reckon(&self, clock: &TrackClock) {
        if let Some(origin) = clock.origin() {
            super::lock(&self.group).set(self.track.source, Some(origin));
        }
    }
}

/// Lets packets in while they come out at the other end.
#[derive(Debug, Default)]
struct Gate {
    /// The second of the running time that is counted in.
    second: AtomicU64,
    /// Packets of this second since one came out.
    count: AtomicU64,
}

impl Gate {
    fn lets_in(&self, now: gst::ClockTime) -> bool {
        if self.second.swap(now.seconds(), Ordering::Relaxed) != now.seconds() {
            self.came_out();
        }
        self.count.fetch_add(1, Ordering::Relaxed) < MOST_PACKETS
    }

    fn came_out(&self) {
        self.count.store(0, Ordering::Relaxed);
    }
}

/// The net thread's end: a pad without an element, which pushes straight into the jitterbuffer. That takes a packet without
/// waiting for anything; an appsrc would be one more thread to wake for each.
struct Inlet {
    pad: gst::Pad,
    flow: Arc<Flow>,
    /// What came before the pipeline had started: the key frame that was asked for may be in it. `None` once it has.
    early: Option<Vec<gst::Buffer>>,
}

impl Inlet {
    fn push(&mut self, buffer: gst::Buffer) {
        let Some(early) = &mut self.early else {
            // Refused once the pipeline has stopped.
            let _ = self.pad.push(buffer);
            return;
        };
        early.push(buffer);
        if early.first().is_some_and(|first| self.pad.push(first.clone()) == Err(gst::FlowError::Flushing)) {
            early.truncate(MOST_PACKETS as usize);
            return;
        }
        for buffer in self.early.take().into_iter().flatten().skip(1) {
            let _ = self.pad.push(buffer);
        }
    }
}

impl PacketSink for Inlet {
    fn rtp(&mut self, packet: &[u8]) {
        let arrived = self.flow.time.now();
        if !self.flow.gate.lets_in(arrived) {
            return;
        }
        let mut buffer = gst::Buffer::from_mut_slice(packet.to_vec());
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(arrived);
            buffer.set_dts(arrived);
        }
        self.push(buffer);
    }

    fn rtcp(&mut self, packet: &[u8]) {
        let mut clock = super::lock(&self.flow.clock);
        if clock.rtcp(packet) {
            self.flow.reckon(&clock);
        }
    }
}

/// A subscribed track and its pipeline. Dropping it ends both.
pub(crate) struct Input {
    links: Arc<dyn Links>,
    subscription: SubscriptionId,
    flow: Arc<Flow>,
    /// The pad of [`Inlet`].
    inlet: gst::Pad,
    /// The decoding pipeline, for the elements that the tile names.
    pub(crate) pipeline: Pipeline,
}

/// What an input is made of.
pub(crate) struct Recipe<'a> {
    pub(crate) track: TrackId,
    /// The tile's height in pixels; 0 for sound.
    pub(crate) height: u16,
    /// How long packets wait for one that is missing, in ms.
    pub(crate) reorder: u32,
    pub(crate) time: &'a Time,
    pub(crate) group: Arc<Mutex<Group>>,
}

impl Input {
    /// Subscribes and makes the pipeline, not yet started. `chain` gives the launch text from ordered RTP to the appsink
    /// named `out`. `Ok(None)`: the track is gone.
    pub(crate) fn open(
        links: &Arc<dyn Links>,
        recipe: Recipe<'_>,
        chain: impl FnOnce(CodecName) -> String,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<Option<Self>, Problem> {
        let pad = gst::Pad::builder(gst::PadDirection::Src).name("rtp").build();
        let rate = if recipe.height == 0 { 48_000 } else { 90_000 };
        let flow = Arc::new(Flow {
            time: recipe.time.clone(),
            track: recipe.track,
            clock: Mutex::new(TrackClock::new(rate)),
            group: recipe.group,
            outlet: Mutex::new(None),
            last: AtomicU64::new(0),
            count: AtomicU64::new(0),
            gate: Gate::default(),
            subscription: OnceLock::new(),
        });
        let inlet = Inlet { pad: pad.clone(), flow: flow.clone(), early: Some(Vec::new()) };
        let Some((subscription, codec)) = links.subscribe(recipe.track, recipe.height, Box::new(inlet)) else {
            return Ok(None);
        };
        let _ = flow.subscription.set(subscription);
        let pipeline = Pipeline::new(&format!("in-{}-{:?}", recipe.track.peer, recipe.track.source), recipe.time, tell);
        // From here on a failure drops `input` and with it the subscription.
        let input = Self { links: links.clone(), subscription, flow, inlet: pad, pipeline };
        input.build(codec, recipe.reorder, &chain(codec))?;
        Ok(Some(input))
    }

    fn build(&self, codec: CodecName, reorder: u32, chain: &str) -> Result<(), Problem> {
        let launch =
            format!("rtpjitterbuffer name=jitter latency={reorder} do-lost=true drop-on-latency=true ! {chain}");
        let bin = self.pipeline.add_bin(&launch)?;
        open(&self.inlet, &bin, &rtp_caps(codec)).ok_or_else(|| Problem::new("the decoder takes no RTP"))?;
        let jitter: gst::Element = self.pipeline.named("jitter")?;
        let Some(pad) = jitter.static_pad("src") else { return Ok(()) };
        let flow = self.flow.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
            flow.gate.came_out();
            if let Some((timestamp, running)) = info.buffer().and_then(rtp_time) {
                let mut clock = super::lock(&flow.clock);
                clock.packet(timestamp, running);
            }
            gst::PadProbeReturn::Ok
        });
        // The depayloader after a loss and the decoder after an error ask upstream for a key frame.
        let (flow, links) = (Arc::downgrade(&self.flow), self.links.clone());
        pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, move |_, info| {
            let asks = info.event().is_some_and(|event| gst_video::UpstreamForceKeyUnitEvent::parse(event).is_ok());
            if asks && let Some(&subscription) = flow.upgrade().as_ref().and_then(|flow| flow.subscription.get()) {
                links.request_key_frame(subscription);
            }
            gst::PadProbeReturn::Ok
        });
        Ok(())
    }

    /// Hands on what comes out at the appsink of this name.
    pub(super) fn deliver_from(&self, name: &str) -> Result<(), Problem> {
        let (out, flow): (AppSink, _) = (self.pipeline.named(name)?, self.flow.clone());
        let deliver = move |sink: &AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            if let Some(buffer) = sample.buffer_owned() {
                flow.deliver(buffer, sample.caps_owned());
            }
            Ok(gst::FlowSuccess::Ok)
        };
        out.set_callbacks(AppSinkCallbacks::builder().new_sample(deliver).build());
        Ok(())
    }

    /// Where the buffers go from now on.
    pub(super) fn connect(&self, outlet: Option<Outlet>) {
        *super::lock(&self.flow.outlet) = outlet;
    }

    /// Whether something was decoded within this time.
    pub(super) fn is_fresh(&self, limit: gst::ClockTime) -> bool {
        let last = gst::ClockTime::from_nseconds(self.flow.last.load(Ordering::Relaxed));
        self.has_begun() && self.flow.time.now().saturating_sub(last) < limit
    }

    /// Whether anything was decoded at all.
    pub(super) fn has_begun(&self) -> bool {
        self.flow.count.load(Ordering::Relaxed) > 0
    }

    /// Nothing more comes in; what waits still comes out, and then the end.
    pub(crate) fn end(&self) {
        self.inlet.push_event(gst::event::Eos::new());
    }

    /// Asks the sender for a key frame.
    pub(crate) fn request_key_frame(&self) {
        self.links.request_key_frame(self.subscription);
    }

    /// The tile changed its height.
    pub(super) fn resize(&self, height: u16) {
        self.links.resize(self.subscription, height);
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.links.unsubscribe(self.subscription);
        self.connect(None);
        super::lock(&self.flow.group).set(self.flow.track.source, None);
    }
}

/// Links the pad to the chain, and says what will come: events stay with the pad until the chain has started.
fn open(inlet: &gst::Pad, chain: &gst::Bin, caps: &gst::Caps) -> Option<()> {
    inlet.set_active(true).ok()?;
    inlet.link(&chain.static_pad("sink")?).ok()?;
    inlet.push_event(gst::event::StreamStart::new("rtp"));
    inlet.push_event(gst::event::Caps::new(caps));
    inlet.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
    Some(())
}

fn rtp_caps(codec: CodecName) -> gst::Caps {
    let (media, encoding, rate) = match codec {
        CodecName::Opus => ("audio", "OPUS", 48_000),
        CodecName::Vp8 => ("video", "VP8", 90_000),
        CodecName::H264 => ("video", "H264", 90_000),
    };
    gst::Caps::builder("application/x-rtp")
        .field("media", media)
        .field("encoding-name", encoding)
        .field("clock-rate", rate)
        .field("payload", i32::from(local_payload_type(codec)))
        .build()
}

/// The RTP timestamp and the running time of a packet that left the jitterbuffer.
fn rtp_time(buffer: &gst::Buffer) -> Option<(u32, u64)> {
    let mut header = [0; 8];
    buffer.copy_to_slice(0, &mut header).ok()?;
    Some((u32::from_be_bytes([header[4], header[5], header[6], header[7]]), buffer.pts()?.nseconds()))
}
