//! Who is in which slot of a viewer, with the fewest changes: what is wanted is decided first, as a list in order of
//! want; then the slots are filled with it, and whatever is wanted and already has a slot stays there.

use super::ids::{MediaKind, ParticipantId, Priority, SlotIndex, Source, TrackId};
use super::media::{Assignment, Feed, Rendition, SlotInfo};
use super::speaker::Speakers;

/// So many audio slots a browser is asked to offer: more voices at once are a murmur.
pub const AUDIO_SLOTS: u8 = 3;
/// So many video slots a browser is asked to offer: twelve people in one window, or eleven and a screen.
pub const VIDEO_SLOTS: u8 = 12;
/// The most of each that any client may offer: what the largest window draws.
pub const MOST_SLOTS: (u8, u8) = (8, 25);
/// The height at which a screen nobody named is sent: text must be readable.
const SCREEN_HEIGHT: u16 = 720;
/// The height of people whom a view leaves unnamed: the smallest layer.
const UNNAMED_HEIGHT: u16 = 180;

/// One slot of a viewer and what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// As negotiated.
    pub info: SlotInfo,
    /// What it carries.
    pub feed: Option<Feed>,
    /// The height that was asked for.
    pub height: u16,
    /// Its rank where the viewer's line does not carry everything.
    pub priority: Priority,
}

impl Slot {
    /// An empty slot.
    pub fn new(info: SlotInfo) -> Self {
        Self { info, feed: None, height: 0, priority: Priority::Other }
    }
}

/// A track that is switched on and has started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LiveTrack {
    /// The track.
    pub id: TrackId,
    /// Whose.
    pub participant: ParticipantId,
}

/// One thing a viewer draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedTile {
    /// Whose.
    pub participant: ParticipantId,
    /// Camera or screen.
    pub source: Source,
    /// The height at which it is drawn; 0 is known but not drawn, and not sent.
    pub height: u16,
    /// Comes before everything that is not.
    pub pinned: bool,
}

/// Something wanted in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Want {
    /// What.
    pub feed: Feed,
    /// At which height.
    pub height: u16,
    /// How urgently, where not everything can be had.
    pub priority: Priority,
}

/// What there is to see and hear.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// In order of their people's arrival.
    pub tracks: &'a [LiveTrack],
    /// Who speaks and spoke.
    pub speakers: &'a Speakers,
}

impl Stage<'_> {
    /// The pictures for `viewer` in order of want: pinned ones, those the view names in its order, screens, who speaks or
    /// spoke last, and the rest by arrival. At most `count`.
    pub fn pictures(&self, viewer: ParticipantId, view: &[WantedTile], count: usize) -> Vec<Want> {
        let named = |track: &LiveTrack| {
            view.iter().position(|tile| tile.participant == track.participant && tile.source == track.id.source)
        };
        let mut ordered: Vec<_> = self
            .others(viewer, MediaKind::Video)
            .map(|track| (track, named(&track)))
            .filter(|(_, at)| at.is_none_or(|at| view[at].height > 0))
            .collect();
        // Stable: those that are equal stay in order of arrival.
        ordered.sort_by_cached_key(|(track, at)| match at {
            Some(at) => (!view[*at].pinned, false, *at, 0),
            None => (true, true, usize::from(track.id.source != Source::Screen), self.speakers.rank(track.participant)),
        });
        ordered.truncate(count);
        let height = if view.is_empty() { default_height(ordered.len()) } else { UNNAMED_HEIGHT };
        let wanted = ordered.into_iter().map(|(track, at)| Want {
            feed: Feed::Track(track.id),
            height: match at {
                Some(at) => view[at].height,
                None if track.id.source == Source::Screen => SCREEN_HEIGHT,
                None => height,
            },
            priority: match at {
                Some(at) if view[at].pinned => Priority::Featured,
                _ if track.id.source == Source::Screen => Priority::Featured,
                _ if self.speakers.dominant() == Some(track.participant) => Priority::Speaker,
                _ => Priority::Other,
            },
        });
        wanted.collect()
    }

    /// The voices for `viewer` in order of want: the sound of the screens in `pictures` (never all of several slots), then
    /// microphones by who speaks or spoke last, then other screens' sound. At most `count`.
    pub fn voices(&self, viewer: ParticipantId, pictures: &[Want], count: usize) -> Vec<Want> {
        let shown = |track: &LiveTrack| {
            let screen = TrackId { peer: track.id.peer, source: Source::Screen };
            pictures.iter().any(|want| want.feed == Feed::Track(screen))
        };
        let mut ordered: Vec<_> = self.others(viewer, MediaKind::Audio).collect();
        ordered.sort_by_cached_key(|track| match track.id.source {
            Source::ScreenSound if shown(track) => (0, 0),
            Source::ScreenSound => (2, 0),
            _ => (1, self.speakers.rank(track.participant)),
        });
        let screens = ordered.iter().take_while(|track| track.id.source == Source::ScreenSound).count();
        if screens < ordered.len() && screens >= count && count > 1 {
            // Somebody must be heard besides the screens.
            ordered.drain(count - 1..screens);
        }
        ordered.truncate(count);
        let voice = |track: LiveTrack| Want { feed: Feed::Track(track.id), height: 0, priority: Priority::Voice };
        ordered.into_iter().map(voice).collect()
    }

    fn others(&self, viewer: ParticipantId, kind: MediaKind) -> impl Iterator<Item = LiveTrack> + '_ {
        self.tracks.iter().copied().filter(move |track| track.participant != viewer && track.id.source.kind() == kind)
    }
}

fn default_height(tiles: usize) -> u16 {
    match tiles {
        0..=1 => 720,
        2..=4 => 360,
        _ => 180,
    }
}

/// How many slots of this kind there are.
pub fn count(slots: &[Slot], kind: MediaKind) -> usize {
    slots.iter().filter(|slot| slot.info.kind == kind).count()
}

/// Puts what is wanted into the slots of one kind and tells what changed. Who is wanted and has a slot keeps it; a
/// newcomer takes the slot of somebody no longer wanted before an empty one, so that one change does for two.
pub fn fill(slots: &mut [Slot], kind: MediaKind, wanted: &[Want]) -> Vec<Assignment> {
    let wanted = &wanted[..wanted.len().min(count(slots, kind))];
    let of_kind = |slot: &Slot| slot.info.kind == kind;
    let is_wanted = |slot: &Slot| slot.feed.is_some_and(|feed| wanted.iter().any(|want| want.feed == feed));
    let (mut freed, mut empty) = (Vec::new(), Vec::new());
    for (at, slot) in slots.iter().enumerate().filter(|(_, slot)| of_kind(slot) && !is_wanted(slot)) {
        if slot.feed.is_some() { freed.push(at) } else { empty.push(at) }
    }
    let mut free = freed.iter().chain(&empty).copied();
    let mut next: Vec<(usize, Option<Want>)> = Vec::new();
    for want in wanted {
        let kept = slots.iter().position(|slot| of_kind(slot) && slot.feed == Some(want.feed));
        if let Some(at) = kept.or_else(|| free.next()) {
            next.push((at, Some(*want)));
        }
    }
    let unused: Vec<_> = free.map(|at| (at, None)).collect();
    next.extend(unused);
    next.sort_by_key(|(at, _)| *at);
    next.into_iter().filter_map(|(at, want)| put(slots, at, want)).collect()
}

/// One picture instead of tiles: every video slot is emptied but one, which carries the mix. `low` asks for the small
/// rendition even where the slot could carry the full one; `priority` is the picture's.
pub fn fill_with_mix(slots: &mut [Slot], low: bool, priority: Priority) -> Vec<Assignment> {
    let is_mix = |slot: &Slot| matches!(slot.feed, Some(Feed::MixPicture(_)));
    let video = |slot: &Slot| slot.info.kind == MediaKind::Video;
    let chosen = slots
        .iter()
        .position(is_mix)
        .or_else(|| slots.iter().position(|slot| video(slot) && slot.info.h264))
        .or_else(|| slots.iter().position(video));
    let mut changes = Vec::new();
    for at in 0..slots.len() {
        if video(&slots[at]) {
            let rendition = if slots[at].info.h264 && !low { Rendition::Main } else { Rendition::Low };
            let want = Want { feed: Feed::MixPicture(rendition), height: SCREEN_HEIGHT, priority };
            changes.extend(put(slots, at, (chosen == Some(at)).then_some(want)));
        }
    }
    changes
}

fn put(slots: &mut [Slot], at: usize, want: Option<Want>) -> Option<Assignment> {
    let slot = slots.get_mut(at)?;
    let index = SlotIndex(u16::try_from(at).ok()?);
    let (feed, height, priority) = match want {
        Some(want) => (Some(want.feed), want.height, want.priority),
        None => (None, 0, Priority::Other),
    };
    if (slot.feed, slot.height, slot.priority) == (feed, height, priority) {
        return None;
    }
    (slot.feed, slot.height, slot.priority) = (feed, height, priority);
    Some(Assignment { slot: index, feed, height, priority })
}
