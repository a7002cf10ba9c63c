//! What viewers' lines carry, and what of the room they are sent for that.

use super::{News, Room};
use crate::domain::ids::{MediaKind, PeerId, Source};
use crate::domain::media::MediaCommand;
use crate::domain::slots;
use crate::domain::thin::Reading;
use crate::domain::words::ViewChoice;

impl Room {
    pub(super) fn on_line(&mut self, peer: PeerId, estimate: u32, needed: u32) {
        let Some(at) = self.member_of(peer) else { return };
        let pictures = self.pictures_for(at);
        let member = &mut self.members[at];
        member.line.read(self.now, member.view, Reading { estimate, needed, pictures });
    }

    /// So many pictures of others the member can be shown.
    fn pictures_for(&self, at: usize) -> usize {
        let member = &self.members[at];
        if member.view == ViewChoice::Mix {
            return 1;
        }
        let others = self.members.iter().filter(|other| other.id != member.id);
        let live = others.flat_map(|other| [Source::Camera, Source::Screen].map(|source| other.live_track(source)));
        let places = member.session.as_ref().map_or(0, |session| slots::count(&session.slots, MediaKind::Video));
        live.flatten().count().min(places)
    }

    /// Takes the steps that are due: who is sent less or more than before is told, and so is everybody.
    pub(super) fn settle_lines(&mut self) {
        let now = self.now;
        let stepped = self.members.iter_mut().filter_map(|member| {
            let before = member.pictures().mode();
            let stepped = member.line.settle(now);
            stepped.then_some((member.id, member.pictures().mode() != before))
        });
        for (id, changed) in stepped.collect::<Vec<_>>() {
            let Some(member) = self.member(id) else { continue };
            let aim = member.line.aim();
            if let Some(viewer) = member.session.as_ref().map(|session| session.peer) {
                self.command(MediaCommand::Aim { viewer, bitrate: aim });
            }
            if changed {
                self.tell_all(News::Changed(id));
            }
        }
    }
}
