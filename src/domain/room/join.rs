//! The door: names, lock, lobby, coming back, leaving.

use super::{Caller, ConnectionId, Effect, News, PLACE_KEPT, Parting, Reply, RequestId, Room};
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::ParticipantId;
use crate::domain::participant::{self, Join, MAX_NAME, Member};
use crate::domain::words::{ParticipantKind, Role};

/// So many may stand at the door.
const MAX_WAITING: usize = 50;
/// So many removed sessions are remembered.
const MAX_REMOVED: usize = 1000;

impl Room {
    pub(super) fn on_join(&mut self, request: RequestId, mut join: Join) {
        let (id, connection) = (join.participant, join.connection);
        let admission = self.check_open().and_then(|()| {
            join.name = participant::check_name("name", &join.name, MAX_NAME)?;
            self.admission(&join)
        });
        match admission {
            Ok(Admission::Resume(at)) => {
                self.reply(request, Ok(Reply::Joined(self.members[at].id)));
                self.resume(at, join);
            }
            Ok(Admission::Enter) => {
                self.reply(request, Ok(Reply::Joined(id)));
                self.enter(join);
            }
            Ok(Admission::Wait) => {
                self.reply(request, Ok(Reply::Joined(id)));
                self.waiting.push(join);
                self.effects.push(Effect::Tell { to: vec![connection], news: News::Waiting });
                self.tell_hosts(News::WaitingList);
            }
            Err(refusal) => self.reply(request, Err(refusal)),
        }
    }

    fn admission(&self, join: &Join) -> Result<Admission, Refusal> {
        if let Some(token) = &join.resume {
            if self.removed.contains(token) {
                return Err(Refusal::new(Reason::Removed, "a host removed you from this room"));
            }
            // Only a browser is ever given a token.
            if let Some(at) = self.members.iter().position(|m| m.token == *token && m.kind == join.kind) {
                return Ok(Admission::Resume(at));
            }
        }
        if let Some(at) = self.left_behind(join) {
            return Ok(Admission::Resume(at));
        }
        if self.settings.locked && !join.host {
            return Err(Refusal::new(Reason::Locked, "the room is locked; ask a host to unlock it"));
        }
        self.check_room_for_one()?;
        if !self.settings.lobby || join.host {
            return Ok(Admission::Enter);
        }
        if join.kind != ParticipantKind::Browser {
            let message = "a host lets people in one by one here; use the room's host token or an API key";
            return Err(Refusal::new(Reason::NotAdmitted, message));
        }
        if self.waiting.len() >= MAX_WAITING {
            return Err(Refusal::new(Reason::RoomFull, "too many people wait to be let in; try again later"));
        }
        Ok(Admission::Wait)
    }

    /// The place of a host whose browser went away, for whoever comes with the host's key under the same name: a crash
    /// took the resume token with it, and nobody is to stand there twice.
    fn left_behind(&self, join: &Join) -> Option<usize> {
        let theirs = |member: &Member| {
            member.role == Role::Host
                && member.kind == join.kind
                && member.connection.is_none()
                && member.name == join.name
        };
        join.host.then(|| self.members.iter().position(theirs)).flatten()
    }

    pub(super) fn check_room_for_one(&self) -> Result<(), Refusal> {
        let max = self.settings.max_participants;
        if self.members.len() < usize::try_from(max).unwrap_or(usize::MAX) {
            return Ok(());
        }
        Err(Refusal::new(Reason::RoomFull, format!("the room is full: it holds {max} people")))
    }

    /// In they come.
    pub(super) fn enter(&mut self, mut join: Join) {
        let id = join.participant;
        if !join.host && join.kind == ParticipantKind::Browser {
            join.media.microphone &= !self.settings.rules.join_muted;
            join.media.screen &= self.settings.rules.guests_share;
            join.media.screen_sound &= self.settings.rules.guests_share;
        }
        self.members.push(Member::new(join, self.now));
        self.empty_since = None;
        self.welcome(id);
        self.tell_those(|member| member.id != id, News::Joined(id));
    }

    /// The same place, by a new line. What they had pinned stays; their media comes with a new offer.
    fn resume(&mut self, at: usize, join: Join) {
        let member = &mut self.members[at];
        let id = member.id;
        let old = member.connection.replace(join.connection);
        member.away_since = None;
        member.name = join.name;
        member.media = join.media;
        // A mute is not shaken off by reloading the page.
        member.media.microphone &= !member.muted_by_host;
        let may_share = self.may_share(&self.members[at]) || join.host;
        let member = &mut self.members[at];
        member.media.screen &= may_share;
        member.media.screen_sound &= may_share;
        if join.host {
            member.role = Role::Host;
        }
        if let Some(connection) = old {
            self.effects.push(Effect::Close { connection, parting: Parting::Replaced });
        }
        self.welcome(id);
        self.tell_those(|member| member.id != id, News::Changed(id));
    }

    fn welcome(&mut self, id: ParticipantId) {
        let Some(member) = self.member(id) else { return };
        let role = member.role;
        if let Some(connection) = member.connection {
            self.effects.push(Effect::Tell { to: vec![connection], news: News::Welcome(id) });
        }
        if role == Role::Host {
            self.tell_host_things(id);
        }
        if !self.chat.is_empty() {
            self.tell(id, News::Chat { since: 0 });
        }
        if !self.told_speaking.is_empty() {
            self.tell(id, News::Speaking(self.told_speaking.clone()));
        }
    }

    /// What a host knows besides.
    pub(super) fn tell_host_things(&mut self, id: ParticipantId) {
        self.tell(id, News::Invitation);
        self.tell(id, News::WaitingList);
    }

    pub(super) fn leave(&mut self, caller: Caller) -> Result<(), Refusal> {
        if let Caller::Member(id) = caller
            && self.turn_away(id, Parting::Left)
        {
            return Ok(());
        }
        let at = self.sender(caller)?;
        self.remove_member(self.members[at].id, Parting::Left);
        Ok(())
    }

    /// Sends somebody away from the door. False when they don't stand there.
    pub(super) fn turn_away(&mut self, id: ParticipantId, parting: Parting) -> bool {
        let Some(at) = self.waiting.iter().position(|join| join.participant == id) else { return false };
        let join = self.waiting.remove(at);
        self.effects.push(Effect::Close { connection: join.connection, parting });
        self.tell_hosts(News::WaitingList);
        true
    }

    /// Somebody is no longer here. Their resume token is worth nothing from now on; with [`Parting::Removed`] and
    /// [`Parting::Flooded`] it bars them.
    pub(super) fn remove_member(&mut self, id: ParticipantId, parting: Parting) {
        let Some(at) = self.position(id) else { return };
        self.close_session(at, parting.refusal());
        let member = self.members.remove(at);
        self.speakers.remove(id);
        if let Some(connection) = member.connection {
            self.effects.push(Effect::Close { connection, parting });
        }
        if matches!(parting, Parting::Removed | Parting::Flooded) {
            self.removed.push_back(member.token);
            if self.removed.len() > MAX_REMOVED {
                self.removed.pop_front();
            }
        }
        self.tell_all(News::Left(id));
        if self.members.is_empty() {
            self.empty_since = Some(self.now);
        }
    }

    pub(super) fn on_disconnected(&mut self, connection: ConnectionId) {
        if let Some(at) = self.waiting.iter().position(|join| join.connection == connection) {
            self.waiting.remove(at);
            self.tell_hosts(News::WaitingList);
        }
        let here = |member: &Member| member.connection == Some(connection);
        let Some(at) = self.members.iter().position(here) else { return };
        let member = &mut self.members[at];
        let id = member.id;
        member.connection = None;
        if member.kind == ParticipantKind::Browser {
            member.away_since = Some(self.now);
            self.tell_all(News::Changed(id));
        } else {
            // Nothing by which they could come back.
            self.remove_member(id, Parting::Left);
        }
    }

    /// Places are kept for a while, not for ever.
    pub(super) fn drop_unreturned(&mut self) {
        let now = self.now;
        let late = |member: &&Member| member.away_since.is_some_and(|since| since + PLACE_KEPT <= now);
        while let Some(id) = self.members.iter().find(late).map(|member| member.id) {
            self.remove_member(id, Parting::Left);
        }
    }
}

enum Admission {
    /// The place of the member at this position.
    Resume(usize),
    Enter,
    Wait,
}
