//! What hosts do.

use super::{Act, Effect, News, Parting, Reply, Room};
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::{ParticipantId, Source};
use crate::domain::participant::{self, MAX_ROOM_NAME, Member};
use crate::domain::words::{ParticipantKind, Role};

impl Room {
    /// The caller is known to be a host.
    pub(super) fn act_as_host(&mut self, act: Act) -> Result<Reply, Refusal> {
        match act {
            Act::ChangeRoom { .. } => self.change_room(act),
            Act::RenewInvitation { invitation } => {
                self.settings.invitation = invitation;
                self.effects.push(Effect::SaveSettings);
                self.tell_hosts(News::Invitation);
                if self.streams.iter().any(|stream| stream.hls.is_some() && stream.runs()) {
                    // Players find it at another address now.
                    self.tell_room();
                }
                Ok(Reply::Room)
            }
            Act::Mute { participant, muted } => self.mute(participant, muted),
            Act::MuteAll => Ok(self.mute_all()),
            Act::AskToUnmute { participant } => self.ask_to_unmute(participant),
            Act::StopShare { participant } => {
                let at = self.find(participant)?;
                self.stop_share(at);
                Ok(Reply::Participant(participant))
            }
            Act::LowerHand { participant } => self.lower_hand(participant),
            Act::SetRole { participant, role } => self.set_role(participant, role),
            Act::Remove { participant } => {
                if !self.turn_away(participant, Parting::Refused) {
                    self.find(participant)?;
                    self.remove_member(participant, Parting::Removed);
                }
                Ok(Reply::Done)
            }
            Act::Admit { participant, admitted } => self.admit(participant, admitted),
            Act::EndRoom => {
                self.close(Reason::Gone, Parting::Ended);
                Ok(Reply::Done)
            }
            Act::StartRecording { output, layout, wish, tracks } => self.start_recording(output, layout, wish, tracks),
            Act::PauseRecording { output, paused } => self.pause_recording(output, paused),
            Act::StopRecording { output } => self.stop_recording(output),
            Act::StartStream { output, url, layout, wish } => self.start_stream(output, &url, layout, wish),
            Act::StopStream { output } => self.stop_stream(output),
            Act::Participants => Ok(Reply::Participants),
            Act::Streams => Ok(Reply::Streams),
            // Handled before.
            Act::Offer { .. }
            | Act::Media(_)
            | Act::View { .. }
            | Act::Leave
            | Act::Chat { .. }
            | Act::React(_)
            | Act::RaiseHand(_)
            | Act::DeleteRecording { .. }
            | Act::Snapshot => Ok(Reply::Done),
        }
    }

    fn change_room(&mut self, act: Act) -> Result<Reply, Refusal> {
        let Act::ChangeRoom { name, activity, locked, lobby, layout, rules } = act else { return Ok(Reply::Room) };
        let mut next = self.settings.clone();
        if let Some(name) = name {
            next.name = participant::check_name("name", &name, MAX_ROOM_NAME)?;
        }
        next.activity = activity.unwrap_or(next.activity);
        next.locked = locked.unwrap_or(next.locked);
        next.lobby = lobby.unwrap_or(next.lobby);
        next.layout = layout.unwrap_or(next.layout);
        next.rules = rules.unwrap_or(next.rules);
        if next != self.settings {
            let opened = self.settings.lobby && !next.lobby;
            self.settings = next;
            self.effects.push(Effect::SaveSettings);
            self.tell_room();
            self.end_forbidden_shares();
            if opened {
                self.admit_all();
            }
        }
        Ok(Reply::Room)
    }

    /// The lobby is open: who waits comes in, as many as fit.
    fn admit_all(&mut self) {
        let before = self.waiting.len();
        while !self.waiting.is_empty() && self.check_room_for_one().is_ok() {
            let join = self.waiting.remove(0);
            self.enter(join);
        }
        if self.waiting.len() != before {
            self.tell_hosts(News::WaitingList);
        }
    }

    fn admit(&mut self, id: ParticipantId, admitted: bool) -> Result<Reply, Refusal> {
        let Some(at) = self.waiting.iter().position(|join| join.participant == id) else {
            return Err(Refusal::new(Reason::NotFound, "this person does not wait to be let in"));
        };
        if admitted {
            self.check_room_for_one()?;
            let join = self.waiting.remove(at);
            self.enter(join);
            self.tell_hosts(News::WaitingList);
        } else {
            self.turn_away(id, Parting::Refused);
        }
        Ok(Reply::Done)
    }

    fn mute(&mut self, id: ParticipantId, muted: bool) -> Result<Reply, Refusal> {
        let at = self.find(id)?;
        let member = &mut self.members[at];
        if muted {
            member.media.microphone = false;
        } else if member.muted_by_host && member.kind == ParticipantKind::Whip {
            // A publisher has no button of its own.
            member.media.microphone = true;
        }
        if member.muted_by_host != muted {
            member.muted_by_host = muted;
            self.silence(at);
        }
        if muted {
            self.tell(id, News::Muted);
        }
        self.tell_all(News::Changed(id));
        Ok(Reply::Participant(id))
    }

    /// Everybody but hosts, who may be showing how it is done.
    fn mute_all(&mut self) -> Reply {
        let loud = |member: &&Member| member.role != Role::Host && member.media.microphone;
        for id in self.members.iter().filter(loud).map(|member| member.id).collect::<Vec<_>>() {
            // They are here: nothing can be refused.
            let _ = self.mute(id, true);
        }
        Reply::Done
    }

    fn ask_to_unmute(&mut self, id: ParticipantId) -> Result<Reply, Refusal> {
        let at = self.find(id)?;
        if self.members[at].muted_by_host {
            self.members[at].muted_by_host = false;
            self.silence(at);
            self.tell_all(News::Changed(id));
        }
        self.tell(id, News::UnmuteAsked);
        Ok(Reply::Participant(id))
    }

    /// Ends what a member shares, if they share; their page is told to stop its capture.
    pub(super) fn stop_share(&mut self, at: usize) {
        let member = &mut self.members[at];
        if !member.media.screen && !member.media.screen_sound {
            return;
        }
        (member.media.screen, member.media.screen_sound) = (false, false);
        let id = member.id;
        self.tell(id, News::ShareStopped);
        self.tell_all(News::Changed(id));
    }

    /// Whether this member's screen is shown to others.
    pub(super) fn may_share(&self, member: &Member) -> bool {
        self.settings.rules.guests_share || member.role == Role::Host || member.kind != ParticipantKind::Browser
    }

    fn end_forbidden_shares(&mut self) {
        for at in 0..self.members.len() {
            if !self.may_share(&self.members[at]) {
                self.stop_share(at);
            }
        }
    }

    /// Tells the media side whether this member's microphone is dropped where it enters.
    pub(super) fn silence(&mut self, at: usize) {
        let member = &self.members[at];
        let silenced = member.muted_by_host;
        if let Some(track) = member.session.as_ref().and_then(|session| session.track(Source::Microphone)) {
            self.command(crate::domain::media::MediaCommand::Silence { track, silenced });
        }
    }

    fn set_role(&mut self, id: ParticipantId, role: Role) -> Result<Reply, Refusal> {
        let at = self.find(id)?;
        if self.members[at].role != role {
            self.members[at].role = role;
            self.tell_all(News::Changed(id));
            self.tell(id, News::Room { for_hosts: role == Role::Host });
            if role == Role::Host {
                self.tell_host_things(id);
            }
            self.end_forbidden_shares();
        }
        Ok(Reply::Participant(id))
    }

    pub(super) fn find(&self, id: ParticipantId) -> Result<usize, Refusal> {
        self.position(id).ok_or_else(|| Refusal::new(Reason::NotFound, "this person is not in the room"))
    }
}
