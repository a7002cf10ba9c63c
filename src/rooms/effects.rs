//! Carries out what a room decided, in its order. Nothing here waits.

use super::actor::{Actor, Waiter};
use super::api::{Membership, Outcome, RecordingTimeline, RoomState};
use super::convert::{self, View};
use super::handle::Present;
use super::store_queue::Job;
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::OutputId;
use crate::domain::output;
use crate::domain::room::{ConnectionId, Effect, News, Reply, RequestId};

impl Actor {
    pub(super) fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Tell { to, news } => self.tell(&to, &news),
                Effect::Close { connection, parting } => {
                    self.lines.close(connection, parting.code(), parting.message().to_owned());
                }
                Effect::Reply { request, reply } => self.reply(request, reply),
                Effect::Media(command) => {
                    let shared = &self.shared;
                    self.media.send(command, &shared.open_media, self.record.id, self.room.scene());
                }
                Effect::SaveSettings => self.save_settings(),
                Effect::Prepare(output) => {
                    if let Some(recording) = self.room.recording(output).map(|r| self.view().recording(r)) {
                        self.store.push(Job::Prepare(recording));
                    }
                }
                Effect::SaveRecording(output) => {
                    self.index_output(output);
                    if let Some(recording) = self.room.recording(output).map(|r| self.view().recording(r)) {
                        self.store.push(Job::SaveRecording(recording));
                    }
                }
                Effect::SaveTimeline(output) => {
                    if let Some(recording) = self.room.recording(output) {
                        let people = recording.timeline.people(self.now());
                        let timeline = RecordingTimeline { recording: output, duration: recording.duration, people };
                        self.store.push(Job::SaveTimeline(timeline));
                    }
                }
                Effect::DeleteRecording { request, output } => self.delete_recording(request, output),
                Effect::Progress(output) => self.index_output(output),
                Effect::Ended => self.store.push(Job::EndRoom(self.record.clone())),
            }
        }
    }

    fn view(&self) -> View<'_> {
        View { room: &self.room, record: &self.record, base_url: &self.shared.base_url, epoch: self.epoch }
    }

    fn tell(&mut self, to: &[ConnectionId], news: &News) {
        let ice_servers = match (news, to) {
            (News::Welcome(_), [connection]) => self.lines.ice_servers(*connection),
            _ => Vec::new(),
        };
        let Some(message) = self.view().message(news, ice_servers) else { return };
        for connection in to {
            self.lines.tell(*connection, message.clone());
        }
    }

    fn reply(&mut self, request: RequestId, reply: Result<Reply, Refusal>) {
        // Who asked may be gone: then nobody hears it.
        match self.waiters.remove(&request) {
            Some(Waiter::Join(waiter, connection, messages)) => match reply {
                Ok(Reply::Joined(participant)) => {
                    let _ = waiter.send(Ok(Membership { participant, messages }));
                }
                reply => {
                    self.lines.forget(connection);
                    let _ = waiter.send(Err(reply.err().unwrap_or_else(internal)));
                }
            },
            Some(Waiter::Act(waiter)) => {
                let _ = waiter.send(reply.and_then(|reply| self.outcome(reply)));
            }
            None => {}
        }
    }

    fn outcome(&self, reply: Reply) -> Result<Outcome, Refusal> {
        let (room, view) = (&self.room, self.view());
        let outcome = match reply {
            Reply::Done | Reply::Joined(_) => Some(Outcome::Done),
            Reply::Room => Some(Outcome::Room(self.state())),
            Reply::Answer(sdp) => Some(Outcome::Answer { sdp }),
            Reply::Participants => {
                Some(Outcome::Participants(room.members().iter().map(|member| view.participant(member)).collect()))
            }
            Reply::Participant(id) => room.member(id).map(|member| Outcome::Participant(view.participant(member))),
            Reply::Recording(id) => room.recording(id).map(|r| Outcome::Recording(view.recording(r))),
            Reply::Stream(id) => room.stream(id).map(|stream| Outcome::Stream(view.stream(stream))),
            Reply::Snapshot(jpeg) => Some(Outcome::Snapshot(jpeg)),
            Reply::Streams => Some(Outcome::Streams(room.streams().iter().map(|stream| view.stream(stream)).collect())),
        };
        outcome.ok_or_else(internal)
    }

    fn save_settings(&mut self) {
        let before = self.record.invitation.clone();
        convert::update_record(&mut self.record, self.room.settings());
        if before != self.record.invitation {
            self.shared.renew_invitation(self.record.id, before, self.record.invitation.clone());
        }
        self.publish();
        self.store.push(Job::SaveRoom(self.record.clone()));
    }

    fn index_output(&self, id: OutputId) {
        let view = self.view();
        if let Some(recording) = self.room.recording(id) {
            self.shared.put_recording(view.recording(recording));
        } else {
            let streams = self.room.streams().iter().map(|stream| view.stream(stream)).collect();
            self.shared.put_streams(self.record.id, streams);
        }
    }

    fn delete_recording(&mut self, request: RequestId, id: OutputId) {
        if self.shared.recording(id).is_none_or(|recording| recording.room != self.record.id) {
            return self.reply(request, Err(Refusal::new(Reason::NotFound, "there is no such recording")));
        }
        if let Some(Waiter::Act(waiter)) = self.waiters.remove(&request) {
            self.store.push(Job::DeleteRecording(id, waiter));
        }
    }

    fn state(&self) -> RoomState {
        let Present { participants, names, recording, live, ended } = self.present();
        RoomState { record: self.record.clone(), participants, names, recording, live, ended }
    }

    fn present(&self) -> Present {
        Present {
            participants: u32::try_from(self.room.members().len()).unwrap_or(u32::MAX),
            names: self
                .room
                .settings()
                .rules
                .names_shown
                .then(|| self.room.members().iter().map(|member| member.name.clone()).collect()),
            recording: self.room.recordings().iter().any(output::Recording::takes_media),
            live: self.room.streams().iter().any(output::Stream::runs),
            ended: self.room.has_ended(),
        }
    }

    pub(super) fn publish(&self) {
        self.handle.publish(&self.record, self.present());
    }
}

fn internal() -> Refusal {
    Refusal::new(Reason::Internal, "the room could not answer; the server's log may know more")
}
