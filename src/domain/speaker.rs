//! Who speaks, from audio levels alone: nobody is decoded for it.
//!
//! Everybody ever heard stands in one list: first who speaks now, loudest first, then who spoke, latest first. Hold times
//! keep the list calm: a pause between two words changes nothing, and one speaker passes another only when clearly
//! louder.

use std::time::Duration;

use super::ids::ParticipantId;

/// A pause this long ends somebody's turn.
const HOLD: Duration = Duration::from_millis(1000);
/// The dominant speaker stays at least this long, however loud the next one is.
const DOMINANT_HOLD: Duration = Duration::from_millis(2000);
/// Smoothed loudness (127 minus the RFC 6464 level, so dB above -127 dBov) from which somebody speaks.
const START: f32 = 77.0;
/// Raw loudness that keeps somebody speaking who already does.
const KEEP: f32 = 72.0;
/// Where smoothing starts: a click is forgotten, a sentence is not.
const FLOOR: f32 = 47.0;
/// How fast the smoothed loudness rises: a word begins within two packets of 20 ms, a click is over in one.
const ATTACK: Duration = Duration::from_millis(39);
/// The longest step of a rise: what was not told in between was silence.
const LONGEST_STEP: Duration = Duration::from_millis(25);
/// How fast it falls: a tenth of the way in 100 ms.
const RELEASE: Duration = Duration::from_millis(1000);
/// By how many dB one speaker must be louder than the one before to pass.
const MARGIN: f32 = 6.0;

/// Everybody who was heard.
#[derive(Debug, Clone, Default)]
pub struct Speakers {
    /// Active ones first.
    voices: Vec<Voice>,
    dominant: Option<ParticipantId>,
    dominant_since: Duration,
    version: u64,
}

#[derive(Debug, Clone)]
struct Voice {
    participant: ParticipantId,
    loudness: f32,
    /// When the loudness was last told.
    told: Duration,
    /// When last heard speaking; none for who only ever made noise.
    heard: Option<Duration>,
    active: bool,
}

impl Voice {
    /// Moves the smoothed loudness towards what was heard now.
    fn approach(&mut self, now: Duration, loudness: f32) {
        let since = now.saturating_sub(self.told);
        self.told = now;
        let (step, pace) = if loudness > self.loudness {
            // The first word of somebody has nothing before it: one packet's time.
            let first = self.loudness <= FLOOR;
            (if first { Duration::from_millis(20) } else { since.min(LONGEST_STEP) }, ATTACK)
        } else {
            (since.min(Duration::from_millis(100)), RELEASE)
        };
        let share = 1.0 - (-step.as_secs_f32() / pace.as_secs_f32()).exp();
        self.loudness = (self.loudness + (loudness - self.loudness) * share).max(FLOOR);
    }

    /// When the turn ends unless more is heard; none for who does not speak.
    fn turn_ends(&self) -> Option<Duration> {
        self.heard.filter(|_| self.active).map(|heard| heard + HOLD)
    }
}

impl Speakers {
    /// Takes in levels (RFC 6464: 0 is the loudest, 127 silence).
    pub fn hear(&mut self, now: Duration, levels: impl IntoIterator<Item = (ParticipantId, u8)>) {
        for (participant, level) in levels {
            self.hear_one(now, participant, 127.0 - f32::from(level.min(127)));
        }
        self.sort_active();
        self.expire(now);
    }

    fn hear_one(&mut self, now: Duration, participant: ParticipantId, loudness: f32) {
        let at = self.voices.iter().position(|voice| voice.participant == participant).unwrap_or_else(|| {
            self.voices.push(Voice { participant, loudness: FLOOR, told: now, heard: None, active: false });
            self.voices.len() - 1
        });
        let voice = &mut self.voices[at];
        voice.approach(now, loudness);
        if voice.active {
            if loudness >= KEEP {
                voice.heard = Some(now);
            }
        } else if voice.loudness >= START {
            voice.active = true;
            voice.heard = Some(now);
            let voice = self.voices.remove(at);
            let end = self.active_count();
            self.voices.insert(end, voice);
            self.version += 1;
        }
    }

    /// One pass from the quietest up: a clearly louder voice rises past quieter ones.
    fn sort_active(&mut self) {
        for at in (1..self.active_count()).rev() {
            if self.voices[at].loudness > self.voices[at - 1].loudness + MARGIN {
                self.voices.swap(at, at - 1);
                self.version += 1;
            }
        }
    }

    /// Ends the turns of those who have been silent long enough, and settles who is dominant.
    pub fn expire(&mut self, now: Duration) {
        while let Some(at) = self.voices.iter().position(|voice| voice.turn_ends().is_some_and(|end| end <= now)) {
            self.stop(at);
        }
        let first = self.voices.first().filter(|voice| voice.active).map(|voice| voice.participant);
        let held = self.dominant.is_some_and(|dominant| self.is_speaking(dominant))
            && now < self.dominant_since + DOMINANT_HOLD;
        if first.is_some() && first != self.dominant && !held {
            self.dominant = first;
            self.dominant_since = now;
            self.version += 1;
        }
    }

    /// Somebody's microphone went off: their turn ends at once.
    pub fn mute(&mut self, participant: ParticipantId) {
        if let Some(at) = self.voices.iter().position(|voice| voice.active && voice.participant == participant) {
            self.stop(at);
        }
    }

    fn stop(&mut self, at: usize) {
        self.version += 1;
        let mut voice = self.voices.remove(at);
        voice.active = false;
        voice.loudness = FLOOR;
        let end = self.active_count();
        self.voices.insert(end, voice);
    }

    /// Somebody left.
    pub fn remove(&mut self, participant: ParticipantId) {
        self.voices.retain(|voice| voice.participant != participant);
        if self.dominant == Some(participant) {
            self.dominant = None;
        }
    }

    /// Who speaks now, loudest first.
    pub fn speaking(&self) -> impl Iterator<Item = ParticipantId> + '_ {
        self.voices.iter().take_while(|voice| voice.active).map(|voice| voice.participant)
    }

    /// Whether somebody speaks now.
    pub fn is_speaking(&self, participant: ParticipantId) -> bool {
        self.speaking().any(|speaking| speaking == participant)
    }

    /// Somebody's place in the list, 0 for the first; the largest number for who was never heard.
    pub fn rank(&self, participant: ParticipantId) -> usize {
        let spoke = |voice: &Voice| voice.participant == participant && voice.heard.is_some();
        self.voices.iter().position(spoke).unwrap_or(usize::MAX)
    }

    /// A number that changes whenever anything but loudness does.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Who has the floor: the loudest, held for a while; stays after they fall silent until somebody else speaks.
    pub fn dominant(&self) -> Option<ParticipantId> {
        self.dominant
    }

    /// When [`Speakers::expire`] next has something to do.
    pub fn next_timer(&self) -> Option<Duration> {
        let turns = self.voices.iter().filter_map(Voice::turn_ends).min();
        let first = self.speaking().next();
        let dominance = (first.is_some() && first != self.dominant).then_some(self.dominant_since + DOMINANT_HOLD);
        [turns, dominance].into_iter().flatten().min()
    }

    fn active_count(&self) -> usize {
        self.voices.iter().take_while(|voice| voice.active).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: ParticipantId = ParticipantId(1);
    const BEN: ParticipantId = ParticipantId(2);

    /// Ten reports a second from `from` to `to`, in milliseconds.
    fn talk(speakers: &mut Speakers, from: u64, to: u64, levels: &[(ParticipantId, u8)]) {
        for at in (from..to).step_by(100) {
            speakers.hear(Duration::from_millis(at), levels.iter().copied());
        }
    }

    fn speaking(speakers: &Speakers) -> Vec<ParticipantId> {
        speakers.speaking().collect()
    }

    #[test]
    fn a_click_and_a_fan_are_not_speech() {
        let mut speakers = Speakers::default();
        talk(&mut speakers, 0, 100, &[(ANNA, 40)]);
        talk(&mut speakers, 100, 5000, &[(ANNA, 127), (BEN, 60)]);
        assert_eq!(speaking(&speakers), []);
        assert_eq!(speakers.rank(ANNA), usize::MAX);
        assert_eq!(speakers.next_timer(), None);
    }

    #[test]
    fn a_word_begins_within_two_packets() {
        let mut speakers = Speakers::default();
        speakers.hear(Duration::from_millis(5000), [(ANNA, 25)]);
        assert_eq!(speaking(&speakers), [], "one packet may be a click");
        speakers.hear(Duration::from_millis(5020), [(ANNA, 25)]);
        assert_eq!(speaking(&speakers), [ANNA]);
        // A quiet voice takes one more.
        for at in [6000, 6020, 6040, 6060] {
            speakers.hear(Duration::from_millis(at), [(BEN, 40)]);
        }
        assert!(speakers.is_speaking(BEN));
    }

    #[test]
    fn a_turn_survives_a_pause_and_ends_after_the_hold_time() {
        let mut speakers = Speakers::default();
        talk(&mut speakers, 0, 500, &[(ANNA, 25)]);
        assert_eq!(speaking(&speakers), [ANNA]);
        speakers.expire(Duration::from_millis(1300));
        assert_eq!(speaking(&speakers), [ANNA]);
        assert_eq!(speakers.next_timer(), Some(Duration::from_millis(1400)));
        speakers.expire(Duration::from_millis(1400));
        assert_eq!(speaking(&speakers), []);
        assert_eq!((speakers.rank(ANNA), speakers.dominant()), (0, Some(ANNA)), "spoke last");
    }

    #[test]
    fn only_a_clearly_louder_voice_passes_another() {
        let mut speakers = Speakers::default();
        talk(&mut speakers, 0, 1000, &[(ANNA, 30), (BEN, 27)]);
        assert_eq!(speaking(&speakers), [ANNA, BEN]);
        talk(&mut speakers, 1000, 3000, &[(ANNA, 30), (BEN, 15)]);
        assert_eq!(speaking(&speakers), [BEN, ANNA]);
    }

    #[test]
    fn the_floor_is_held_for_two_seconds() {
        let mut speakers = Speakers::default();
        talk(&mut speakers, 0, 500, &[(ANNA, 30)]);
        let began = speakers.dominant_since;
        talk(&mut speakers, 500, 1500, &[(ANNA, 30), (BEN, 10)]);
        assert_eq!((speaking(&speakers), speakers.dominant()), (vec![BEN, ANNA], Some(ANNA)));
        assert_eq!(speakers.next_timer(), Some(began + DOMINANT_HOLD));
        talk(&mut speakers, 1500, 2500, &[(ANNA, 30), (BEN, 10)]);
        assert_eq!(speakers.dominant(), Some(BEN));
    }

    #[test]
    fn a_muted_speaker_stops_at_once_and_one_who_left_is_forgotten() {
        let mut speakers = Speakers::default();
        talk(&mut speakers, 0, 500, &[(ANNA, 30), (BEN, 30)]);
        speakers.mute(ANNA);
        assert_eq!(speaking(&speakers), [BEN]);
        speakers.remove(BEN);
        assert_eq!((speaking(&speakers), speakers.rank(BEN), speakers.rank(ANNA)), (vec![], usize::MAX, 0));
    }
}
