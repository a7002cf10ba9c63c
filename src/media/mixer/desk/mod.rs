//! The mixed sound: a thread that adds up, fifty times a second, what the voices say.
//!
//! GStreamer's audiomixer was here before: docs/decisions/0009-the-canvas-is-ours.md says why no more.

mod strip;

use std::sync::{Arc, Mutex};

pub(super) use self::strip::Strip;
use self::strip::{CHANNELS, RATE};
use super::pacer::{Paced, Pacer};
use super::{LATENCY, MOST_BEHIND, lock};
use crate::media::link::Stream;
use crate::media::pipeline::Time;
use crate::media::problem::Problem;

/// Of one buffer.
const LENGTH: gst::ClockTime = gst::ClockTime::from_mseconds(20);
const FRAMES: usize = (RATE * 20 / 1000) as usize;

/// A machine so busy that decoded voices come too late is waited for a little longer, in these steps, up to this.
const STEP: gst::ClockTime = gst::ClockTime::from_mseconds(60);
const MOST_PATIENCE: gst::ClockTime = gst::ClockTime::from_mseconds(300);
/// Buffers (20 s) in which nothing came late, until a step is taken back.
const CALM: u64 = 1000;

/// The running desk. Dropping it stops its thread.
pub(super) struct Desk {
    strips: Strips,
    _thread: Paced,
    /// What is heard, raw.
    pub(super) out: Stream,
}

/// Of all who are heard.
type Strips = Arc<Mutex<Vec<Arc<Strip>>>>;

impl Desk {
    /// Starts with silence.
    pub(super) fn start(time: &Time) -> Result<Self, Problem> {
        let (strips, out) = (Strips::default(), Stream::made());
        let mix = Mix {
            strips: strips.clone(),
            time: time.clone(),
            out: out.clone(),
            caps: sound_caps(),
            patience: Patience::default(),
        };
        let thread = Paced::start("desk", move |pacer| mix.run(pacer))?;
        Ok(Self { strips, _thread: thread, out })
    }

    /// One more voice, until it is closed and heard to its end.
    pub(super) fn add(&self) -> Arc<Strip> {
        let strip = Arc::<Strip>::default();
        lock(&self.strips).push(strip.clone());
        strip
    }
}

/// The thread that mixes.
struct Mix {
    strips: Strips,
    time: Time,
    out: Stream,
    caps: gst::Caps,
    patience: Patience,
}

/// How much longer than [`LATENCY`] is waited for voices. Times stay what they are: only the mix comes later.
#[derive(Debug, Default)]
struct Patience {
    more: gst::ClockTime,
    calm: u64,
}

impl Patience {
    /// One more buffer was mixed.
    fn note(&mut self, late: bool) {
        self.calm = if late { 0 } else { self.calm + 1 };
        if late {
            self.more = (self.more + STEP).min(MOST_PATIENCE);
        } else if self.calm.is_multiple_of(CALM) {
            self.more = self.more.saturating_sub(STEP);
        }
    }
}

impl Mix {
    fn run(mut self, pacer: &Pacer) {
        let mut nth = number(self.time.now());
        while pacer.waits_until(self.due(nth), &self.time) {
            if self.time.now().saturating_sub(self.due(nth)) > MOST_BEHIND {
                nth = number(self.time.now().saturating_sub(LATENCY));
                continue;
            }
            self.send(nth);
            nth += 1;
        }
    }

    fn due(&self, nth: u64) -> gst::ClockTime {
        heard(nth) + LATENCY + self.patience.more
    }

    fn send(&mut self, nth: u64) {
        let mut mix = vec![0.0; FRAMES * CHANNELS];
        let (at, mut late) = (nth as i64 * FRAMES as i64, false);
        lock(&self.strips).retain(|strip| {
            let mixed = strip.mix_into(at, &mut mix);
            late |= mixed.late;
            !mixed.last
        });
        self.patience.note(late);
        let bytes: Vec<u8> = mix.iter().flat_map(|sample| sample.clamp(-1.0, 1.0).to_le_bytes()).collect();
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(heard(nth));
            buffer.set_duration(LENGTH);
        }
        let segment = gst::FormattedSegment::<gst::ClockTime>::new();
        self.out.send(&gst::Sample::builder().buffer(&buffer).caps(&self.caps).segment(&segment).build());
    }
}

/// When a buffer begins to be heard.
fn heard(nth: u64) -> gst::ClockTime {
    LENGTH * nth
}

/// The first buffer that is not before this.
fn number(running: gst::ClockTime) -> u64 {
    running.nseconds().div_ceil(LENGTH.nseconds())
}

/// The sample of the running time that is heard at this moment.
pub(super) fn sample_at(running: gst::ClockTime) -> i64 {
    (u128::from(running.nseconds()) * u128::from(RATE) / 1_000_000_000) as i64
}

/// The format of all sound in the mix.
pub(super) fn sound_caps() -> gst::Caps {
    gst::Caps::builder("audio/x-raw")
        .field("format", "F32LE")
        .field("layout", "interleaved")
        .field("rate", RATE as i32)
        .field("channels", CHANNELS as i32)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn late_voices_are_waited_for_longer_until_it_is_calm_again() {
        let mut patience = Patience::default();
        (0..9).for_each(|_| patience.note(true));
        assert_eq!(patience.more, MOST_PATIENCE);
        (1..CALM).for_each(|_| patience.note(false));
        assert_eq!(patience.more, MOST_PATIENCE);
        patience.note(false);
        assert_eq!(patience.more, MOST_PATIENCE - STEP);
        (0..9 * CALM).for_each(|_| patience.note(false));
        assert_eq!(patience.more, gst::ClockTime::ZERO);
    }

    #[test]
    fn a_moment_has_its_sample() {
        assert_eq!(sample_at(heard(50)), 48_000);
        assert_eq!([0, 1, 20_000_000].map(|time| number(gst::ClockTime::from_nseconds(time))), [0, 1, 1]);
    }
}
