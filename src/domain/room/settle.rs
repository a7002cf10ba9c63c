//! After every input: what follows from the room's state for everybody's slots, for the mix and for who is shown as
//! speaking. Nothing here decides on its own: equal states give equal results, and only differences are sent.

use std::time::Duration;

use super::{News, Room, Shown};
use crate::domain::ids::{MediaKind, ParticipantId, Priority, Source};
use crate::domain::media::{Assignment, Feed, MediaCommand};
use crate::domain::participant::{Member, Phase};
use crate::domain::scene::{self, Frame, Person};
use crate::domain::slots::{self, LiveTrack, Slot, Stage, Want};
use crate::domain::thin::Pictures;
use crate::domain::words::{ParticipantKind, ViewChoice};

/// What a viewer without a view of its own hears.
const MIX_SOUND: Want = Want { feed: Feed::MixSound, height: 0, priority: Priority::Voice };
/// Who speaks is told at most this often.
const SPEAKING_PAUSE: Duration = Duration::from_millis(200);

impl Room {
    pub(super) fn settle_slots(&mut self) {
        let live = |member: &Member| {
            let participant = member.id;
            Source::ALL.map(|source| member.live_track(source).map(|id| LiveTrack { id, participant }))
        };
        let tracks: Vec<LiveTrack> = self.members.iter().flat_map(live).flatten().collect();
        let stage = Stage { tracks: &tracks, speakers: &self.speakers };
        let mut changed = Vec::new();
        for member in &mut self.members {
            let changes = fill_slots(member, &stage);
            if !changes.is_empty() {
                changed.push((member.id, changes));
            }
        }
        for (id, changes) in changed {
            self.tell_slots(id, &changes, &tracks);
        }
    }

    fn tell_slots(&mut self, id: ParticipantId, changes: &[(Assignment, bool)], tracks: &[LiveTrack]) {
        let Some(session) = self.member(id).and_then(|member| member.session.as_ref()) else { return };
        let viewer = session.peer;
        let shown = |feed: Feed| match feed {
            Feed::Track(track) => {
                let owner = tracks.iter().find(|live| live.id == track)?.participant;
                Some(Shown::Track(owner, track.source))
            }
            Feed::MixPicture(_) | Feed::MixSound => Some(Shown::Mix),
        };
        let told = changes.iter().filter(|(_, new_feed)| *new_feed).filter_map(|(change, _)| {
            let slot = session.slots.get(usize::from(change.slot.0))?;
            Some((slot.info.mid.clone(), change.feed.and_then(shown)))
        });
        let told: Vec<_> = told.collect();
        let slots = changes.iter().map(|(change, _)| *change).collect();
        self.command(MediaCommand::Assign { viewer, slots });
        if !told.is_empty() {
            self.tell(id, News::Slots(told));
        }
    }

    pub(super) fn settle_scene(&mut self) {
        let people: Vec<Person> =
            self.members.iter().filter(|member| member.kind != ParticipantKind::Whep).map(person).collect();
        if !self.holds_canvas() && !self.is_mix_watched() {
            self.canvas = self.usual_canvas;
        }
        let frame = Frame { title: &self.settings.name, canvas: self.canvas, layout: self.settings.layout };
        let scene = scene::compose(frame, &people, &self.speakers, &self.scene);
        if scene != self.scene {
            self.scene = scene.clone();
            self.command(MediaCommand::Compose(scene));
        }
    }

    /// Somebody is shown the mix: its size stays while they look.
    fn is_mix_watched(&self) -> bool {
        let slots = self.members.iter().filter_map(|member| member.session.as_ref()).flat_map(|session| &session.slots);
        slots.into_iter().any(|slot| matches!(slot.feed, Some(Feed::MixPicture(_))))
    }

    pub(super) fn settle_speaking(&mut self) {
        if self.speaking_differs() && self.may_tell_speaking_at() <= self.now {
            self.told_speaking = self.speakers.speaking().collect();
            self.told_at = Some(self.now);
            self.tell_all(News::Speaking(self.told_speaking.clone()));
        }
    }

    pub(super) fn speaking_timer(&self) -> Option<Duration> {
        let told = self.speaking_differs().then(|| self.may_tell_speaking_at());
        [told, self.speakers.next_timer()].into_iter().flatten().min()
    }

    fn speaking_differs(&self) -> bool {
        !self.speakers.speaking().eq(self.told_speaking.iter().copied())
    }

    fn may_tell_speaking_at(&self) -> Duration {
        self.told_at.map_or(Duration::ZERO, |told| told + SPEAKING_PAUSE)
    }
}

fn person(member: &Member) -> Person {
    Person {
        id: member.id,
        name: member.name.clone(),
        muted: !member.media.microphone,
        camera: member.live_track(Source::Camera),
        screen: member.live_track(Source::Screen),
        microphone: member.live_track(Source::Microphone),
        screen_sound: member.live_track(Source::ScreenSound),
    }
}

/// The changes of one member's slots, each with whether its content is new (else only the height).
fn fill_slots(member: &mut Member, stage: &Stage) -> Vec<(Assignment, bool)> {
    let Some(session) = member.session.as_mut().filter(|session| session.phase == Phase::Connected) else {
        return Vec::new();
    };
    let shown = member.line.pictures(member.view, member.low);
    let before: Vec<Option<Feed>> = session.slots.iter().map(|slot| slot.feed).collect();
    let slots: &mut [Slot] = &mut session.slots;
    let changes = if member.kind == ParticipantKind::Whep {
        let mut changes =
            slots::fill_with_mix(slots, member.low || shown == Pictures::Mix { low: true }, Priority::Featured);
        changes.extend(slots::fill(slots, MediaKind::Audio, &[MIX_SOUND]));
        changes
    } else {
        let count = |kind| slots::count(slots, kind);
        let pictures = stage.pictures(member.id, &member.tiles, count(MediaKind::Video));
        let voices = stage.voices(member.id, &pictures, count(MediaKind::Audio));
        let mut changes = match shown {
            Pictures::Tiles => slots::fill(slots, MediaKind::Video, &pictures),
            // Chosen for a line that carries no more: it is not weighed again.
            Pictures::Mix { low: true } if member.view == ViewChoice::Auto => {
                slots::fill_with_mix(slots, true, Priority::Only)
            }
            Pictures::Mix { low } => slots::fill_with_mix(slots, low, Priority::Featured),
            Pictures::Nothing => slots::fill(slots, MediaKind::Video, &[]),
        };
        changes.extend(slots::fill(slots, MediaKind::Audio, &voices));
        changes
    };
    let is_new = |change: &Assignment| before.get(usize::from(change.slot.0)) != Some(&change.feed);
    changes.into_iter().map(|change| (change, is_new(&change))).collect()
}
