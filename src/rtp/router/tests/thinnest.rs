//! Lines too thin for everybody's own picture, with what the room makes of what is told of them: the mix with as many of its
//! frames as fit, and below that sound with a still picture now and then.

use std::time::Duration;

use super::emulated::*;
use super::harness::*;
use crate::domain::ids::{PeerId, Priority};
use crate::domain::thin::{LineFit, Pictures, Reading};
use crate::domain::words::ViewChoice;
use crate::rtp::router::{RouterEvent, View};

const K: u64 = 1000;
const VIEWER: PeerId = PeerId(50);
const MIX: PeerId = PeerId(40);
const PEOPLE: u64 = 5;
/// `low` of pipelines/mixer.toml.
const LOW: Camera = Camera { rates: &[70 * K], temporal: 3, every: 66 };
/// A still picture on its way, how often there is one, and how often the line is looked at.
const STILL: usize = 3750;
const EVERY: f64 = 12.0;
const LOOK: Duration = Duration::from_millis(50);

/// A viewer of five people and one voice, who leaves it to the server what they see.
struct Thin {
    room: Room,
    fit: LineFit,
    shown: Pictures,
    /// When what is sent changed, and to what.
    steps: Vec<(f64, Pictures)>,
    stills: Vec<f64>,
    read: usize,
}

impl Thin {
    fn on(rate: u64) -> Thin {
        let mut room = Room::new(PEOPLE, &[Road::of(5000 * K)], 360);
        room.publish(MIX, LOW);
        let mut thin =
            Thin { room, fit: LineFit::default(), shown: Pictures::Tiles, steps: vec![], stills: vec![], read: 0 };
        thin.run(10);
        thin.room.change(0, Road::of(rate));
        thin
    }

    fn run(&mut self, seconds: u64) {
        let until = self.room.now + Duration::from_secs(seconds);
        while self.room.now < until {
            self.room.run(LOOK);
            self.settle();
        }
    }

    /// What `domain::room` does.
    fn settle(&mut self) {
        let now = self.room.elapsed();
        for (_, event) in &self.room.events[std::mem::replace(&mut self.read, self.room.events.len())..] {
            if let RouterEvent::Line { peer: VIEWER, estimate, needed } = *event {
                self.fit.read(now, ViewChoice::Auto, Reading { estimate, needed, pictures: PEOPLE as usize });
            }
        }
        if self.fit.settle(now) {
            self.room.router.aim_line(VIEWER, self.fit.aim());
            self.show(self.fit.pictures(ViewChoice::Auto, false));
        }
        let due = self.stills.last().is_none_or(|at| now.as_secs_f64() - at >= EVERY);
        if self.shown == Pictures::Nothing && due {
            self.stills.push(now.as_secs_f64());
            self.room.crowd(0, STILL);
        }
    }

    fn show(&mut self, pictures: Pictures) {
        self.steps.push((self.room.elapsed().as_secs_f64(), pictures));
        self.shown = pictures;
        for slot in 0..PEOPLE {
            let (feed, height, priority) = match pictures {
                Pictures::Tiles => (Some(PeerId(slot + 1)), 360, Priority::Other),
                Pictures::Mix { .. } if slot == 0 => (Some(MIX), 234, Priority::Only),
                Pictures::Mix { .. } | Pictures::Nothing => (None, 0, Priority::Other),
            };
            self.room.show(VIEWER, slot, View { feed: feed.map(camera_of), height, priority });
        }
    }

    /// Frames a second of the mix from `from` to `to`, s after the line got thin.
    fn frames(&self, from: u64, to: u64) -> f64 {
        let span = Duration::from_secs(10 + from)..Duration::from_secs(10 + to);
        let pictures = self.room.viewers[0].pictures.first().into_iter().flatten();
        let begun = pictures.filter(|packet| packet.descriptor.is_some_and(|descriptor| descriptor.start));
        begun.filter(|packet| span.contains(&packet.at)).count() as f64 / (to - from) as f64
    }

    /// Voice packets that were lost after the line had been thin for so many seconds.
    fn voice_lost(&self, after: u64) -> usize {
        let since = self.room.start + Duration::from_secs(12 + after);
        self.room.viewers[0].lost().iter().filter(|sent| **sent > since).count()
    }
}

/// What each line carries: frames a second of the mix at least, and at most, and stills in the last minute.
#[test]
fn what_a_thin_line_carries_of_the_mix() {
    for (rate, least, most, stills) in [
        (60, 0.0, 0.1, 4..7),
        (75, 0.0, 0.1, 4..7),
        (100, 3.5, 8.0, 0..1),
        (150, 7.0, 16.0, 0..1),
        (200, 12.0, 16.0, 0..1),
    ] {
        let mut thin = Thin::on(rate * K);
        thin.run(90);
        let viewer = &thin.room.viewers[0];
        let (frames, lost) = (thin.frames(30, 90), thin.voice_lost(20));
        let shown = thin.stills.iter().filter(|at| **at > 42.0).count();
        let waits = [0.5, 0.95].map(|part| viewer.waited(part, 42, 102));
        println!(
            "{rate:4} kbit/s: {frames:4.1} frames/s, {shown} stills a minute, waits p50 and p95 {waits:4.0?} ms, \
             {lost} voice packets lost ({} while it got thin), {:.0?}",
            viewer.voice_lost(),
            thin.steps
        );
        assert!(
            (least..=most).contains(&frames) && stills.contains(&shown),
            "{rate}: {frames} frames/s, {shown} stills"
        );
        assert_eq!(lost, 0, "{rate}");
        assert!(waits[1] < 600.0, "{rate}: {waits:?}");
    }
}
