//! One voice at the mixing desk: what was decoded waits here, sample by sample, for its moment.
//!
//! Samples follow each other; only a gap or a jump of the clock sets the place anew. A voice that runs a little early or late
//! (the sender's clock, a lip-sync delay that changed) is stretched by at most four samples in a thousand until it is where
//! it belongs: a jump would be a click.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::media::mixer::lock;

/// Samples a second and channel.
pub(super) const RATE: u64 = 48_000;
/// Interleaved.
pub(super) const CHANNELS: usize = 2;
/// Samples: further off than this is a gap or another clock, not drift.
const JUMP: i64 = RATE as i64 * 40 / 1000;
/// Samples: so little nobody hears or sees.
const SLACK: i64 = RATE as i64 * 3 / 1000;
/// A buffer is stretched by one part of this at most.
const STRETCH: usize = 250;
/// Samples that may wait: more than two seconds of a voice that waits for its face.
const MOST_WAITING: usize = RATE as usize * 5 / 2;

/// The voice, between the thread that decodes and the one that mixes.
#[derive(Debug, Default)]
pub(in crate::media::mixer) struct Strip {
    tape: Mutex<Tape>,
}

/// What came of mixing a voice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mixed {
    /// Something had come too late to be heard.
    pub(super) late: bool,
    /// Nothing more is to come.
    pub(super) last: bool,
}

#[derive(Debug, Default)]
struct Tape {
    /// Interleaved.
    waiting: VecDeque<f32>,
    /// The sample (of the mix's running time) that is first in `waiting`.
    first: i64,
    /// Nothing more comes.
    closed: bool,
}

impl Strip {
    /// Decoded sound, interleaved, that is heard from this sample of the running time on.
    pub(in crate::media::mixer) fn push(&self, at: i64, samples: &[f32]) {
        lock(&self.tape).push(at, samples);
    }

    /// Nothing more comes; what waits is still heard.
    pub(in crate::media::mixer) fn close(&self) {
        lock(&self.tape).closed = true;
    }

    /// Adds what is heard from `at` on to `mix`.
    pub(super) fn mix_into(&self, at: i64, mix: &mut [f32]) -> Mixed {
        let mut tape = lock(&self.tape);
        let late = tape.mix_into(at, mix);
        Mixed { late, last: tape.closed && tape.waiting.is_empty() }
    }
}

impl Tape {
    fn end(&self) -> i64 {
        self.first + (self.waiting.len() / CHANNELS) as i64
    }

    fn push(&mut self, at: i64, samples: &[f32]) {
        let frames = samples.len() / CHANNELS;
        let off = at - self.end();
        if self.waiting.is_empty() || off.abs() > JUMP {
            self.place(at);
            self.append(samples, frames);
        } else {
            let most = (frames / STRETCH) as i64;
            let change = if off.abs() > SLACK { off.clamp(-most, most) } else { 0 };
            self.append(samples, (frames as i64 + change) as usize);
        }
    }

    /// The next sample is at `at`: silence up to there, or what was to come after is forgotten.
    fn place(&mut self, at: i64) {
        let length = usize::try_from(at - self.first).unwrap_or(0) * CHANNELS;
        self.waiting.resize(length.min(MOST_WAITING * CHANNELS), 0.0);
        if self.waiting.is_empty() {
            self.first = at;
        }
    }

    /// Takes `samples` in, drawn out or pressed together to `frames`.
    fn append(&mut self, samples: &[f32], frames: usize) {
        let had = samples.len() / CHANNELS;
        if frames == had {
            self.waiting.extend(samples);
        } else if had > 1 && frames > 1 {
            let step = (had - 1) as f32 / (frames - 1) as f32;
            for frame in 0..frames {
                let from = frame as f32 * step;
                let (left, share) = ((from as usize).min(had - 2), from - (from as usize).min(had - 2) as f32);
                for channel in 0..CHANNELS {
                    let [one, other] = [left, left + 1].map(|at| samples[at * CHANNELS + channel]);
                    self.waiting.push_back(one + (other - one) * share);
                }
            }
        }
        let over = (self.waiting.len() / CHANNELS).saturating_sub(MOST_WAITING);
        self.forget(over);
    }

    fn forget(&mut self, frames: usize) {
        self.waiting.drain(..frames * CHANNELS);
        self.first += frames as i64;
    }

    /// True when something had come too late.
    fn mix_into(&mut self, at: i64, mix: &mut [f32]) -> bool {
        let late = usize::try_from(at - self.first).unwrap_or(0).min(self.waiting.len() / CHANNELS);
        self.forget(late);
        let frames = mix.len() / CHANNELS;
        let silence = usize::try_from(self.first - at).unwrap_or(frames);
        if self.waiting.is_empty() || silence >= frames {
            return late > 0;
        }
        let heard = (frames - silence).min(self.waiting.len() / CHANNELS);
        for (sum, sample) in mix[silence * CHANNELS..].iter_mut().zip(self.waiting.drain(..heard * CHANNELS)) {
            *sum += sample;
        }
        self.first += heard as i64;
        late > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUFFER: usize = 960;

    fn tone(value: f32) -> Vec<f32> {
        vec![value; BUFFER * CHANNELS]
    }

    /// What is heard from `at` on, one channel.
    fn heard(strip: &Strip, at: i64, frames: usize) -> Vec<f32> {
        let mut mix = vec![0.0; frames * CHANNELS];
        strip.mix_into(at, &mut mix);
        mix.chunks(CHANNELS).map(|frame| frame[0]).collect()
    }

    #[test]
    fn a_voice_is_heard_at_its_moment_and_before_and_after_is_silence() {
        let strip = Strip::default();
        strip.push(1000, &tone(0.5));
        assert!(heard(&strip, 0, 960).iter().all(|&sample| sample == 0.0));
        let second = heard(&strip, 960, 960);
        assert_eq!([second[39], second[40], second[959]], [0.0, 0.5, 0.5]);
        let third = heard(&strip, 1920, 960);
        assert_eq!([third[39], third[40]], [0.5, 0.0]);
    }

    #[test]
    fn voices_add_up_and_what_comes_too_late_is_not_heard() {
        let (one, other) = (Strip::default(), Strip::default());
        one.push(0, &tone(0.25));
        other.push(480, &tone(0.5));
        let mut mix = vec![0.0; BUFFER * CHANNELS];
        let as_it_should = Mixed { late: false, last: false };
        assert_eq!([one.mix_into(0, &mut mix), other.mix_into(0, &mut mix)], [as_it_should; 2]);
        assert_eq!([mix[0], mix[2 * 480], mix[2 * 959 + 1]], [0.25, 0.75, 0.75]);
        one.push(0, &tone(1.0));
        let mut mix = vec![0.0; 2];
        assert!(one.mix_into(960, &mut mix).late);
        assert!(heard(&one, 961, 960).iter().all(|&sample| sample == 0.0));
    }

    #[test]
    fn a_gap_stays_as_long_as_it_was() {
        let strip = Strip::default();
        strip.push(0, &tone(0.5));
        strip.push(2 * 1920, &tone(0.25));
        let heard = heard(&strip, 0, 4800);
        assert_eq!([heard[959], heard[960], heard[3839], heard[3840]], [0.5, 0.0, 0.0, 0.25]);
    }

    #[test]
    fn a_voice_that_runs_late_is_drawn_to_its_place_without_a_jump() {
        let strip = Strip::default();
        // A ramp shows whether a sample was left out or said twice.
        let ramp = |from: usize| -> Vec<f32> { (0..BUFFER).flat_map(|at| [(from + at) as f32; CHANNELS]).collect() };
        let late = 10 * 48;
        let mut all = Vec::new();
        for nth in 0..400 {
            let at = (nth * BUFFER) as i64;
            strip.push(if nth == 0 { at } else { at + late }, &ramp(nth * BUFFER));
            if nth >= 10 {
                all.extend(heard(&strip, at - 10 * BUFFER as i64, BUFFER));
            }
        }
        let steps = all.windows(2).map(|two| two[1] - two[0]);
        let (least, most) = steps.fold((1.0f32, 1.0f32), |(least, most), step| (least.min(step), most.max(step)));
        assert!(least >= 0.0 && most <= 1.05, "{least} {most}");
        let off = lock(&strip.tape).end() - (400 * BUFFER) as i64;
        assert!((late - off).abs() <= SLACK, "{off}");
    }

    #[test]
    fn a_closed_voice_is_heard_to_its_end() {
        let strip = Strip::default();
        strip.push(0, &tone(0.5));
        strip.close();
        let mut mix = vec![0.0; 480 * CHANNELS];
        assert!(!strip.mix_into(0, &mut mix).last);
        assert!(strip.mix_into(480, &mut mix).last);
    }

    #[test]
    fn no_more_waits_than_may() {
        let strip = Strip::default();
        for nth in 0..500 {
            strip.push(nth * BUFFER as i64, &tone(0.5));
        }
        strip.push(i64::MAX / 2, &tone(0.5));
        strip.push(0, &tone(0.5));
        assert!(lock(&strip.tape).waiting.len() <= MOST_WAITING * CHANNELS);
    }
}
