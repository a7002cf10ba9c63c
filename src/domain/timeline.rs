//! Who was there, who spoke and who shared a screen while a recording ran, in the recording's own seconds.

use std::time::Duration;

use super::ids::ParticipantId;

/// Nobody reads of more people than these, and nothing here may grow for ever.
const MOST_PEOPLE: usize = 1000;
/// Of one person and one kind.
const MOST_STRETCHES: usize = 5000;

/// What is noted of somebody, in the order of the fields of [`PersonTimes`].
const KINDS: usize = 3;

/// What somebody does right now.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// Who.
    pub id: ParticipantId,
    /// Their name.
    pub name: &'a str,
    /// They are heard as speaking.
    pub speaks: bool,
    /// They share a screen.
    pub shares: bool,
}

/// From and to, in seconds of the recording.
pub type Stretch = (f64, f64);

/// One person in a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct PersonTimes {
    /// Who.
    pub id: ParticipantId,
    /// Their name.
    pub name: String,
    /// In the room.
    pub present: Vec<Stretch>,
    /// Speaking.
    pub spoke: Vec<Stretch>,
    /// Sharing a screen.
    pub screen: Vec<Stretch>,
}

/// A stretch of the room's time, open while it lasts.
type Open = (Duration, Option<Duration>);

#[derive(Debug, Clone, PartialEq)]
struct Person {
    id: ParticipantId,
    name: String,
    kinds: [Vec<Open>; KINDS],
}

/// A part of the recording without a pause.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Span {
    from: Duration,
    to: Option<Duration>,
    /// Seconds of the recording at `from`.
    at: f64,
}

/// See above.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timeline {
    spans: Vec<Span>,
    people: Vec<Person>,
}

impl Timeline {
    /// The recording was at `at` seconds when the room's clock was at `from`: it began, or goes on.
    pub fn place(&mut self, from: Duration, at: f64) {
        self.pause(from);
        self.spans.push(Span { from, to: None, at });
    }

    /// Nothing is recorded from now on.
    pub fn pause(&mut self, now: Duration) {
        if let Some(span) = self.spans.last_mut().filter(|span| span.to.is_none()) {
            span.to = Some(now.max(span.from));
        }
    }

    /// Everybody who is there now.
    pub fn observe<'a>(&mut self, now: Duration, seen: impl Iterator<Item = Seen<'a>> + Clone) {
        for person in &mut self.people {
            let found = seen.clone().find(|seen| seen.id == person.id);
            person.note(now, found.map_or([false; KINDS], |seen| [true, seen.speaks, seen.shares]));
        }
        for seen in seen {
            if self.people.len() < MOST_PEOPLE && !self.people.iter().any(|person| person.id == seen.id) {
                let mut person = Person { id: seen.id, name: seen.name.to_owned(), kinds: Default::default() };
                person.note(now, [true, seen.speaks, seen.shares]);
                self.people.push(person);
            }
        }
    }

    /// In the recording's seconds, as far as it is now. Who was there only in a pause is not in it.
    pub fn people(&self, now: Duration) -> Vec<PersonTimes> {
        if self.spans.is_empty() {
            return Vec::new();
        }
        let times = |person: &Person| {
            let [present, spoke, screen] = [0, 1, 2].map(|kind| self.stretches(now, &person.kinds[kind]));
            PersonTimes { id: person.id, name: person.name.clone(), present, spoke, screen }
        };
        self.people.iter().map(times).filter(|times| !times.present.is_empty()).collect()
    }

    fn stretches(&self, now: Duration, open: &[Open]) -> Vec<Stretch> {
        let mut all: Vec<Stretch> = Vec::new();
        for (from, to) in open {
            let (from, to) = (self.seconds(*from), self.seconds(to.unwrap_or(now)));
            match all.last_mut() {
                _ if to <= from => {}
                // A pause took what was between them.
                Some(last) if from <= last.1 => last.1 = to,
                _ => all.push((from, to)),
            }
        }
        all
    }

    /// The recording's second at a time of the room: of a pause, where it was cut.
    fn seconds(&self, at: Duration) -> f64 {
        let span = self.spans.iter().rev().find(|span| span.from <= at);
        let seconds = span.map_or(0.0, |span| {
            let within = at.min(span.to.unwrap_or(at)).saturating_sub(span.from);
            span.at + within.as_secs_f64()
        });
        (seconds * 1000.0).round() / 1000.0
    }
}

impl Person {
    fn note(&mut self, now: Duration, does: [bool; KINDS]) {
        for (stretches, does) in self.kinds.iter_mut().zip(does) {
            let has_room = stretches.len() < MOST_STRETCHES;
            let open = stretches.last_mut().filter(|(_, to)| to.is_none());
            match (open, does) {
                (Some((_, to)), false) => *to = Some(now),
                (None, true) if has_room => stretches.push((now, None)),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn times_are_the_recording_s_own() {
        let mut timeline = Timeline::default();
        let see = |timeline: &mut Timeline, at, who: &[(u64, bool)]| {
            let seen =
                |(id, speaks): &(u64, bool)| Seen { id: ParticipantId(*id), name: "N", speaks: *speaks, shares: false };
            timeline.observe(s(at), who.iter().map(seen));
        };
        see(&mut timeline, 10, &[(1, false)]);
        assert_eq!(timeline.people(s(11)), [], "nothing is recorded so far");
        timeline.place(s(12), 0.0);
        see(&mut timeline, 15, &[(1, true), (2, false)]);
        see(&mut timeline, 17, &[(1, false), (2, false)]);
        timeline.pause(s(20));
        see(&mut timeline, 22, &[(1, true), (3, false)]);
        see(&mut timeline, 24, &[(1, true)]);
        timeline.place(s(30), 8.0);
        see(&mut timeline, 33, &[(2, false)]);
        let people = timeline.people(s(40));
        let times = |person: &PersonTimes| (person.id.0, person.present.clone(), person.spoke.clone());
        assert_eq!(
            people.iter().map(times).collect::<Vec<_>>(),
            [(1, vec![(0.0, 11.0)], vec![(3.0, 5.0), (8.0, 11.0)]), (2, vec![(3.0, 8.0), (11.0, 18.0)], vec![]),],
            "the third was there in the pause alone"
        );
    }
}
