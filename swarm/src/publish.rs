//! One person's camera and microphone: the clip, sent at its own pace.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use str0m::Rtc;
use str0m::media::{Mid, Pt, Rid};
use str0m::rtp::{ExtensionValues, RtpWrite};

use crate::clip::{Clip, FPS};
use crate::payload::vp8_descriptor;
use crate::stamp::{self, Stamp};

/// The loudness of who does not talk, and what their microphone sends: a whole frame of silence (RFC 6716, section 3.1).
const SILENT: i8 = -127;
const SILENCE: [u8; 3] = [0xf8, 0xff, 0xfe];
const SOUND_EVERY: Duration = Duration::from_millis(20);
const FRAME_EVERY: Duration = Duration::from_nanos(1_000_000_000 / FPS as u64);

/// What one person sends.
#[derive(Debug)]
pub(crate) struct Publisher {
    clip: Arc<Clip>,
    person: u16,
    /// In dBov.
    loudness: i8,
    audio: Mid,
    video: Mid,
    simulcast: bool,
    next_sound: Option<Instant>,
    next_frame: Option<Instant>,
    sounds: u32,
    layers: Vec<Layer>,
    wanted: Arc<Wanted>,
}

/// What a server says to be enough, as it does to a browser: so many layers, and so many lines of the largest.
#[derive(Debug)]
pub(crate) struct Wanted {
    layers: AtomicU32,
    lines: AtomicU32,
}

impl Wanted {
    pub(crate) fn tell(&self, layers: u32, lines: Option<u32>) {
        self.layers.store(layers, Ordering::Relaxed);
        self.lines.store(lines.unwrap_or(u32::MAX), Ordering::Relaxed);
    }

    /// The lines of a layer; none of one that nobody takes.
    fn lines(&self, layer: usize) -> Option<u32> {
        let layers = self.layers.load(Ordering::Relaxed) as usize;
        let lines = if layer + 1 == layers { self.lines.load(Ordering::Relaxed) } else { u32::MAX };
        (layer < layers).then_some(lines)
    }
}

/// Where one layer is.
#[derive(Debug, Default)]
struct Layer {
    /// In the clip.
    at: usize,
    /// As it is sent at present.
    lines: u32,
    frames: u32,
    seq: u64,
}

impl Publisher {
    /// Sends nothing yet. `talks` is the place among those who talk: each is a little softer than the one before, so that the
    /// server's choice of speakers is calm.
    pub(crate) fn new(
        clip: Arc<Clip>,
        person: u16,
        talks: Option<u8>,
        [audio, video]: [Mid; 2],
        simulcast: bool,
    ) -> Self {
        let layers = clip.layers.iter().map(|_| Layer { lines: u32::MAX, ..Layer::default() }).collect();
        let loudness = talks.map_or(SILENT, |place| -15 - 2 * (place.min(15) as i8));
        let wanted = Arc::new(Wanted { layers: AtomicU32::new(u32::MAX), lines: AtomicU32::new(u32::MAX) });
        let (next_sound, next_frame) = (None, None);
        Self { clip, person, loudness, audio, video, simulcast, next_sound, next_frame, sounds: 0, layers, wanted }
    }

    /// To say what is wanted.
    pub(crate) fn wanted(&self) -> Arc<Wanted> {
        self.wanted.clone()
    }

    /// Starts; people are out of step, as people are.
    pub(crate) fn start(&mut self, now: Instant) {
        let spread = Duration::from_micros(u64::from(self.person) * 7_919 % 33_000);
        self.next_sound = Some(now + spread);
        self.next_frame = Some(now + spread);
    }

    /// When there is something to send; none before the start.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.next_sound.min(self.next_frame)
    }

    /// Somebody needs a key frame: the next frame is one.
    pub(crate) fn key_frame(&mut self, rid: Option<Rid>) {
        for (layer, clip) in self.layers.iter_mut().zip(&self.clip.layers) {
            if self.simulcast && rid.is_some_and(|rid| rid.to_string() != clip.size.rid) {
                continue;
            }
            let frames = clip.frames(layer.lines);
            while !frames[layer.at].key {
                layer.at = (layer.at + 1) % frames.len();
            }
        }
    }

    /// Writes what is due. One that was late is sent at once, and after more than half a second the pace starts anew.
    pub(crate) fn write(&mut self, now: Instant, rtc: &mut Rtc, pts: Pts) {
        while let Some(due) = self.next_sound.filter(|due| *due <= now) {
            self.sound(now, rtc, pts.opus);
            self.next_sound = Some(following(due, SOUND_EVERY, now));
        }
        while let Some(due) = self.next_frame.filter(|due| *due <= now) {
            for layer in 0..self.layers.len() {
                let wanted = self.wanted.lines(layer);
                if wanted != Some(self.layers[layer].lines) {
                    // Another size begins with a key frame, as the clip does.
                    self.layers[layer].at = 0;
                    self.layers[layer].lines = wanted.unwrap_or(u32::MAX);
                }
                if wanted.is_some() {
                    self.frame(layer, now, rtc, pts.vp8);
                }
            }
            self.next_frame = Some(following(due, FRAME_EVERY, now));
        }
    }

    fn sound(&mut self, now: Instant, rtc: &mut Rtc, pt: Pt) {
        let stamp = Stamp { person: self.person, layer: 0, number: self.sounds, sent: stamp::now() };
        let sound = match self.loudness {
            SILENT => &SILENCE[..],
            _ => &self.clip.sounds[self.sounds as usize % self.clip.sounds.len()],
        };
        let payload = [sound, &stamp.write()].concat();
        let extensions = ExtensionValues {
            audio_level: Some(self.loudness),
            voice_activity: Some(self.loudness > -127),
            ..ExtensionValues::default()
        };
        let (seq, time) = (u64::from(self.sounds), self.sounds.wrapping_mul(960));
        self.sounds += 1;
        if let Some(stream) = rtc.direct_api().stream_tx_by_mid(self.audio, None) {
            stream.write_rtp(RtpWrite::new(pt, seq.into(), time, now, payload).ext_vals(extensions));
        }
    }

    fn frame(&mut self, index: usize, now: Instant, rtc: &mut Rtc, pt: Pt) {
        let clip = &self.clip.layers[index];
        let layer = &mut self.layers[index];
        let frames = clip.frames(layer.lines);
        let fragments = &frames[layer.at].fragments;
        let rid = self.simulcast.then(|| Rid::from(clip.size.rid));
        let mut api = rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(self.video, rid) else { return };
        let time = (u64::from(layer.frames) * 90_000 / u64::from(FPS)) as u32;
        for (nth, fragment) in fragments.iter().enumerate() {
            let last = nth + 1 == fragments.len();
            let mut payload = vp8_descriptor(nth == 0, layer.frames as u16 & 0x7fff).to_vec();
            payload.extend(fragment);
            if last {
                let stamp = Stamp { person: self.person, layer: index as u8, number: layer.frames, sent: stamp::now() };
                payload.extend(stamp.write());
            }
            let packet = RtpWrite::new(pt, layer.seq.into(), time, now, payload);
            stream.write_rtp(packet.marker(last).nackable(true));
            layer.seq += 1;
        }
        layer.at = (layer.at + 1) % frames.len();
        layer.frames += 1;
    }
}

/// The payload types of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pts {
    /// Of Opus.
    pub(crate) opus: Pt,
    /// Of VP8.
    pub(crate) vp8: Pt,
}

/// The next time of something regular: never further behind than half a second.
fn following(due: Instant, every: Duration, now: Instant) -> Instant {
    let next = due + every;
    if next + Duration::from_millis(500) < now { now } else { next }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pace_is_kept_and_started_anew_after_a_long_stop() {
        let start = Instant::now();
        let second = start + Duration::from_secs(1);
        assert_eq!(following(start, SOUND_EVERY, start + SOUND_EVERY * 3), start + SOUND_EVERY);
        assert_eq!(following(start, SOUND_EVERY, second), second);
    }
}
