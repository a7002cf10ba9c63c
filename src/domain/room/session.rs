//! Media sessions of members: one at a time each, made by an offer, and the tracks that come through them.

use std::time::Duration;

use super::{ANSWER_LIMIT, Effect, News, Parting, Reply, RequestId, Room};
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::{PeerId, Source, TrackId};
use crate::domain::media::{MediaCommand, MediaEvent, SlotInfo};
use crate::domain::participant::{Member, Phase, Session};
use crate::domain::slots::{Slot, WantedTile};
use crate::domain::thin::LineFit;
use crate::domain::words::{MediaState, ParticipantKind, ViewChoice};

/// A view names at most so many things.
const MAX_TILES: usize = 100;

/// Until when the member's offer must be answered.
pub(super) fn deadline(member: &Member) -> Option<Duration> {
    match member.session.as_ref()?.phase {
        Phase::Offered { deadline, .. } => Some(deadline),
        Phase::Answered | Phase::Connected => None,
    }
}

impl Session {
    /// Its track of this source, where the offer has a section for it.
    pub(super) fn track(&self, source: Source) -> Option<TrackId> {
        self.sources.contains(&source).then_some(TrackId { peer: self.peer, source })
    }
}

impl Room {
    /// The new session takes the old one's place at once: a client offers anew because the old one is of no use to it.
    pub(super) fn offer(&mut self, request: RequestId, at: usize, peer: PeerId, sdp: String) -> Result<(), Refusal> {
        self.close_session(at, Refusal::new(Reason::Conflict, "a newer offer took the place of this one"));
        let member = &mut self.members[at];
        let phase = Phase::Offered { request, deadline: self.now + ANSWER_LIMIT };
        member.line = LineFit::default();
        member.session = Some(Session { peer, phase, slots: vec![], sources: vec![], started: vec![] });
        let command = MediaCommand::Open { peer, participant: member.id, kind: member.peer_kind(), offer: sdp };
        self.command(command);
        Ok(())
    }

    /// Ends a member's session, if there is one; an offer that still waits is refused.
    pub(super) fn close_session(&mut self, at: usize, refusal: Refusal) {
        let Some(session) = self.forget_session(at, refusal) else { return };
        self.command(MediaCommand::Close { peer: session.peer });
    }

    /// The session is gone already.
    fn forget_session(&mut self, at: usize, refusal: Refusal) -> Option<Session> {
        let session = self.members[at].session.take()?;
        if let Phase::Offered { request, .. } = session.phase {
            self.reply(request, Err(refusal));
        }
        self.speakers.mute(self.members[at].id);
        Some(session)
    }

    /// Offers the media side did not answer in time.
    pub(super) fn drop_unanswered(&mut self) {
        for at in 0..self.members.len() {
            if deadline(&self.members[at]).is_some_and(|deadline| deadline <= self.now) {
                let message = "the media connection could not be prepared in time; try again";
                self.close_session(at, Refusal::new(Reason::Unavailable, message));
            }
        }
    }

    pub(super) fn on_media(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::Answered { peer, sdp, slots, sources } => self.on_answered(peer, sdp, slots, sources),
            MediaEvent::Refused { peer, problem } => {
                if let Some(at) = self.member_of(peer) {
                    self.forget_session(at, Refusal::new(Reason::BadOffer, problem));
                }
            }
            MediaEvent::Connected { peer } => {
                if let Some(session) = self.session_mut(peer)
                    && session.phase == Phase::Answered
                {
                    session.phase = Phase::Connected;
                }
            }
            MediaEvent::Lost { peer, .. } => self.on_lost(peer),
            MediaEvent::TrackStarted { track } => self.on_track_started(track),
            MediaEvent::Line { peer, estimate, needed } => self.on_line(peer, estimate, needed),
            MediaEvent::Watched { track, layers, height } => self.on_watched(track, layers, height),
            MediaEvent::Levels(levels) => {
                let members = &self.members;
                let heard = levels.iter().filter_map(|level| {
                    let of_peer = |m: &&Member| m.session.as_ref().is_some_and(|session| session.peer == level.peer);
                    let member = members.iter().find(of_peer).filter(|member| member.media.microphone)?;
                    Some((member.id, level.level))
                });
                self.speakers.hear(self.now, heard);
            }
            MediaEvent::Still { size, jpeg } => self.on_still(size, jpeg),
            MediaEvent::Output { output, event } => self.on_output(output, event),
        }
    }

    fn on_answered(&mut self, peer: PeerId, sdp: String, slots: Vec<SlotInfo>, sources: Vec<Source>) {
        let Some(at) = self.member_of(peer) else { return };
        let member = &mut self.members[at];
        let (id, muted) = (member.id, member.muted_by_host);
        let Some(session) = &mut member.session else { return };
        let Phase::Offered { request, .. } = session.phase else { return };
        session.phase = Phase::Answered;
        session.slots = slots.into_iter().map(Slot::new).collect();
        session.sources = sources;
        self.reply(request, Ok(Reply::Answer(sdp.clone())));
        self.tell(id, News::Answer(sdp));
        if muted {
            self.silence(at);
        }
    }

    /// The publisher need not send what nobody takes; the lowest layer stays, so that whoever looks next sees at once.
    fn on_watched(&mut self, track: TrackId, layers: u8, height: Option<u16>) {
        let Some(at) = self.member_of(track.peer) else { return };
        if self.members[at].kind == ParticipantKind::Browser && track.source == Source::Camera {
            let id = self.members[at].id;
            self.tell(id, News::Layers { layers: layers.max(1), height });
        }
    }

    fn on_lost(&mut self, peer: PeerId) {
        let Some(at) = self.member_of(peer) else { return };
        self.forget_session(at, Refusal::new(Reason::Unavailable, "the media connection broke; try again"));
        let (id, kind) = (self.members[at].id, self.members[at].kind);
        if kind == ParticipantKind::Browser {
            self.tell(id, News::MediaLost("the media connection was lost".into()));
        } else {
            self.remove_member(id, Parting::Lost);
        }
    }

    /// The media side failed as a whole.
    pub(super) fn on_media_gone(&mut self) {
        let peers = self.members.iter().filter_map(|member| member.session.as_ref().map(|session| session.peer));
        for peer in peers.collect::<Vec<_>>() {
            self.on_lost(peer);
        }
        self.fail_all_outputs();
    }

    fn on_track_started(&mut self, track: TrackId) {
        let Some(at) = self.member_of(track.peer) else { return };
        let member = &mut self.members[at];
        let Some(session) = &mut member.session else { return };
        if session.started.contains(&track.source) {
            return;
        }
        session.started.push(track.source);
        // What a publisher sends is on; it has no other way to say so.
        let muted = track.source == Source::Microphone && member.muted_by_host;
        if member.kind == ParticipantKind::Whip && !muted && !member.media.has(track.source) {
            member.media.set(track.source, true);
            let id = member.id;
            self.tell_all(News::Changed(id));
        }
    }

    pub(super) fn set_media(&mut self, at: usize, media: MediaState) -> Result<(), Refusal> {
        let refused = (media.screen || media.screen_sound) && !self.may_share(&self.members[at]);
        let media = if refused { MediaState { screen: false, screen_sound: false, ..media } } else { media };
        let member = &mut self.members[at];
        let id = member.id;
        if refused {
            self.tell(id, News::ShareStopped);
        }
        let member = &mut self.members[at];
        let lifted = member.muted_by_host && media.microphone;
        if member.media == media && !lifted {
            return Ok(());
        }
        member.media = media;
        if lifted {
            member.muted_by_host = false;
            self.silence(at);
        }
        if !media.microphone {
            self.speakers.mute(id);
        }
        self.tell_all(News::Changed(id));
        Ok(())
    }

    pub(super) fn set_view(&mut self, at: usize, mode: ViewChoice, mut tiles: Vec<WantedTile>) -> Result<(), Refusal> {
        if tiles.len() > MAX_TILES {
            return Err(Refusal::new(Reason::OutOfRange, format!("tiles must not hold more than {MAX_TILES}")));
        }
        tiles.retain(|tile| matches!(tile.source, Source::Camera | Source::Screen));
        let member = &mut self.members[at];
        let (id, before) = (member.id, member.pictures().mode());
        member.tiles = tiles;
        let chose = std::mem::replace(&mut member.view, mode) != mode;
        if chose && std::mem::take(&mut member.line).aim() > 0 {
            let viewer = member.session.as_ref().map(|session| session.peer);
            self.effects.extend(viewer.map(|viewer| Effect::Media(MediaCommand::Aim { viewer, bitrate: 0 })));
        }
        let member = &self.members[at];
        if member.pictures().mode() != before {
            self.tell_all(News::Changed(id));
        }
        Ok(())
    }

    pub(super) fn member_of(&self, peer: PeerId) -> Option<usize> {
        self.members.iter().position(|m| m.session.as_ref().is_some_and(|session| session.peer == peer))
    }

    fn session_mut(&mut self, peer: PeerId) -> Option<&mut Session> {
        self.members.iter_mut().filter_map(|member| member.session.as_mut()).find(|session| session.peer == peer)
    }
}
