//! The task that owns one room: everything that can wake it is one branch of one loop.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::api::{Action, Caller, JoinRequest, Membership, Outcome, RoomRecord};
use super::convert::{self, Fresh};
use super::handle::RoomHandle;
use super::lines::Lines;
use super::media_link::MediaLink;
use super::registry::Shared;
use super::store_queue::{Done, StoreQueue};
use crate::domain::disk::Disk;
use crate::domain::error::Refusal;
use crate::domain::ids::ParticipantId;
use crate::domain::participant::Join;
use crate::domain::room::{ConnectionId, Input, RequestId, Room};
use crate::protocol::server::ServerMessage;

/// Requests that may wait for a room; askers wait, not the room.
const INBOX: usize = 64;

/// What a handle asks of the actor.
pub(super) enum Request {
    /// Somebody wants in.
    Join { join: JoinRequest, reply: oneshot::Sender<Result<Membership, Refusal>> },
    /// Somebody asks for something.
    Act { caller: Caller, action: Action, reply: oneshot::Sender<Result<Outcome, Refusal>> },
    /// The disk is nearly full, or no more.
    Disk(Option<Disk>),
}

/// Who waits for the room's reply.
pub(super) enum Waiter {
    Join(oneshot::Sender<Result<Membership, Refusal>>, ConnectionId, mpsc::Receiver<ServerMessage>),
    Act(oneshot::Sender<Result<Outcome, Refusal>>),
}

/// A room and everything it acts through.
pub(super) struct Actor {
    pub(super) room: Room,
    pub(super) record: RoomRecord,
    pub(super) shared: Arc<Shared>,
    pub(super) handle: RoomHandle,
    pub(super) lines: Lines,
    pub(super) media: MediaLink,
    pub(super) store: StoreQueue,
    pub(super) waiters: HashMap<RequestId, Waiter>,
    /// The origin of the room's clock on ours, and on the wall's.
    origin: Instant,
    pub(super) epoch: SystemTime,
    next_number: u64,
}

/// Starts the room's task and gives its inbox.
pub(super) fn start(shared: Arc<Shared>, handle: RoomHandle) -> mpsc::Sender<Request> {
    let (inbox, requests) = mpsc::channel(INBOX);
    let record = handle.state().record;
    let actor = Actor {
        room: Room::new(convert::settings(&record)).with_canvas(shared.canvas()).with_targets(shared.targets()),
        record,
        lines: Lines::default(),
        media: MediaLink::default(),
        store: StoreQueue::new(Arc::clone(&shared.store)),
        waiters: HashMap::new(),
        origin: Instant::now(),
        epoch: SystemTime::now(),
        next_number: 0,
        shared: Arc::clone(&shared),
        handle,
    };
    shared.actors.spawn(actor.run(requests));
    inbox
}

impl Actor {
    async fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        let stop = self.shared.stop.clone();
        let mut stopping = false;
        while !(self.room.is_over() && self.store.is_idle()) {
            let timer = self.room.next_timer().map(|at| self.origin + at);
            tokio::select! {
                // What has happened is known before what is asked: who joins hears who is away.
                biased;
                () = stop.cancelled(), if !stopping => {
                    stopping = true;
                    self.handle(Input::Shutdown);
                }
                connection = self.lines.gone() => self.handle(Input::Disconnected(connection)),
                event = self.media.next() => self.handle(event.map_or(Input::MediaGone, Input::Media)),
                done = self.store.next() => self.on_stored(done),
                () = sleep_until(timer) => self.handle(Input::Tick),
                Some(request) = requests.recv() => self.on_request(request),
            }
        }
    }

    fn on_request(&mut self, request: Request) {
        let number = RequestId(self.number());
        match request {
            Request::Disk(disk) => self.handle(Input::Disk(disk)),
            Request::Join { join, reply } => {
                let connection = ConnectionId(self.number());
                let messages = self.lines.open(connection, join.ice_servers.clone());
                self.waiters.insert(number, Waiter::Join(reply, connection, messages));
                let join = self.newcomer(join, connection);
                self.handle(Input::Join { request: number, join });
            }
            Request::Act { caller, action, reply } => {
                self.waiters.insert(number, Waiter::Act(reply));
                let fresh = Fresh {
                    peer: self.shared.next_peer(),
                    output: self.shared.random_output(),
                    invitation: self.shared.random_code(),
                };
                self.handle(Input::Act { request: number, caller, act: convert::act(action, fresh) });
            }
        }
    }

    fn newcomer(&self, join: JoinRequest, connection: ConnectionId) -> Join {
        Join {
            participant: ParticipantId(self.shared.random_number() >> 16),
            token: self.shared.random_code(),
            connection,
            name: join.name,
            kind: join.kind,
            host: join.host,
            resume: join.resume,
            media: join.media,
            view: join.view,
            low: join.low,
        }
    }

    fn on_stored(&mut self, done: Done) {
        match done {
            Done::Kept => {}
            Done::RoomEnded => self.shared.forget_room(&self.record),
            Done::Prepared(output, path) => self.handle(Input::Prepared { output, path }),
            Done::Deleted(id, result, reply) => {
                if result.is_ok() {
                    self.shared.forget_recording(id);
                }
                // Who asked may be gone.
                let _ = reply.send(result.map(|()| Outcome::Done).map_err(Refusal::from));
            }
        }
    }

    /// One step of the room, and all that follows from it.
    pub(super) fn handle(&mut self, input: Input) {
        self.step(input);
        while let Some(connection) = self.lines.take_cut() {
            self.step(Input::Disconnected(connection));
        }
        self.media.keep(self.room.needs_media());
    }

    fn step(&mut self, input: Input) {
        let effects = self.room.handle(self.now(), input);
        // Before anybody is told: who hears an answer and asks again must find what it said.
        self.publish();
        self.carry_out(effects);
    }

    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
