//! A media side that a test plays by hand, and a store that can be looked into.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use veranda::domain::ids::{MediaKind, OutputId, PeerId, RoomId, Source};
use veranda::domain::media::{MediaCommand, MediaEvent, SlotInfo};
use veranda::domain::words::{MediaState, ParticipantKind, ViewChoice};
use veranda::protocol::server::ServerMessage;
use veranda::rooms::api::{JoinRequest, Membership, NewRoom, Recording, RoomRecord, RoomState, Store, StoreError};
use veranda::rooms::handle::RoomHandle;
use veranda::rooms::registry::{OpenMedia, Rooms};

pub(crate) const BASE: &str = "https://meet.example";

/// One opened media side.
pub(crate) struct Media {
    pub(crate) room: RoomId,
    pub(crate) events: mpsc::Sender<MediaEvent>,
    pub(crate) commands: mpsc::Receiver<MediaCommand>,
}

impl Media {
    /// The next command that is no scene; `None` when the room closed its media side.
    pub(crate) async fn next(&mut self) -> Option<MediaCommand> {
        loop {
            match self.commands.recv().await {
                Some(MediaCommand::Compose(_)) => {}
                other => return other,
            }
        }
    }

    pub(crate) async fn tell(&self, event: MediaEvent) {
        self.events.send(event).await.unwrap();
    }

    /// Takes the next command, which must be an offer, and answers it.
    pub(crate) async fn answer(&mut self) -> PeerId {
        let command = self.next().await;
        let Some(MediaCommand::Open { peer, .. }) = command else { panic!("{command:?}") };
        let slot = |mid: &str, kind| SlotInfo { mid: mid.into(), kind, h264: true };
        let slots = vec![slot("4", MediaKind::Audio), slot("5", MediaKind::Video)];
        let sources = Source::ALL.to_vec();
        self.tell(MediaEvent::Answered { peer, sdp: format!("answer for {peer}"), slots, sources }).await;
        peer
    }
}

/// Rooms with everything behind them.
pub(crate) struct House {
    pub(crate) rooms: Rooms,
    pub(crate) store: Arc<MemoryStore>,
    opened: mpsc::UnboundedReceiver<Media>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(Arc::new(MemoryStore::default()))
    }

    pub(crate) fn with(store: Arc<MemoryStore>) -> Self {
        let (sender, opened) = mpsc::unbounded_channel();
        let open: OpenMedia = Arc::new(move |room, events| {
            let (commands_in, commands) = mpsc::channel(16);
            sender.send(Media { room, events, commands }).unwrap();
            commands_in
        });
        let rooms = Rooms::new(store.clone(), open, BASE.into()).unwrap();
        Self { rooms, store, opened }
    }

    /// The next media side that is opened.
    pub(crate) async fn media(&mut self) -> Media {
        self.opened.recv().await.unwrap()
    }

    pub(crate) fn nothing_opened(&mut self) -> bool {
        self.opened.try_recv().is_err()
    }

    pub(crate) async fn room(&self) -> RoomHandle {
        let state = self.create(|_| ()).await;
        self.rooms.find(&state.record.invitation).await.unwrap()
    }

    pub(crate) async fn create(&self, change: impl FnOnce(&mut NewRoom)) -> RoomState {
        let mut new = NewRoom {
            name: Some("Lunch".into()),
            activity: None,
            max_participants: None,
            locked: false,
            lobby: false,
            layout: None,
            rules: None,
        };
        change(&mut new);
        self.rooms.create(new).await.unwrap()
    }
}

pub(crate) fn guest(name: &str) -> JoinRequest {
    JoinRequest {
        name: name.into(),
        kind: ParticipantKind::Browser,
        host: false,
        resume: None,
        media: MediaState { microphone: true, camera: true, screen: false, screen_sound: false },
        view: ViewChoice::Tiles,
        low: false,
        ice_servers: vec![],
    }
}

/// Joins and swallows the welcome.
pub(crate) async fn join(room: &RoomHandle, name: &str) -> Membership {
    let mut member = room.join(guest(name)).await.unwrap();
    assert!(matches!(hear(&mut member).await, ServerMessage::Welcome { .. }));
    member
}

pub(crate) async fn hear(member: &mut Membership) -> ServerMessage {
    member.messages.recv().await.expect("another message")
}

/// The next message for which `wanted` gives something.
pub(crate) async fn hear_until<T>(member: &mut Membership, wanted: impl Fn(&ServerMessage) -> Option<T>) -> T {
    loop {
        if let Some(found) = wanted(&hear(member).await) {
            return found;
        }
    }
}

/// The code of the goodbye, after which the line ends.
pub(crate) async fn goodbye(member: &mut Membership) -> String {
    let closing = |message: &ServerMessage| match message {
        ServerMessage::Closing { code, .. } => Some(code.clone()),
        _ => None,
    };
    let code = hear_until(member, closing).await;
    assert_eq!(member.messages.recv().await, None, "the line ends after the goodbye");
    code
}

#[derive(Default)]
pub(crate) struct MemoryStore {
    pub(crate) rooms: Mutex<HashMap<RoomId, RoomRecord>>,
    pub(crate) ended: Mutex<Vec<RoomRecord>>,
    pub(crate) recordings: Mutex<HashMap<OutputId, Recording>>,
    pub(crate) broken: Mutex<bool>,
}

impl MemoryStore {
    fn check(&self) -> Result<(), StoreError> {
        if *self.broken.lock().unwrap() { Err(StoreError("the disk is full".into())) } else { Ok(()) }
    }

    pub(crate) fn manifest(&self, id: OutputId) -> Option<Recording> {
        self.recordings.lock().unwrap().get(&id).cloned()
    }
}

impl Store for MemoryStore {
    fn rooms(&self) -> Result<Vec<RoomRecord>, StoreError> {
        Ok(self.rooms.lock().unwrap().values().cloned().collect())
    }

    fn save_room(&self, room: &RoomRecord) -> Result<(), StoreError> {
        self.check()?;
        self.rooms.lock().unwrap().insert(room.id, room.clone());
        Ok(())
    }

    fn end_room(&self, room: &RoomRecord) -> Result<(), StoreError> {
        self.rooms.lock().unwrap().remove(&room.id);
        self.ended.lock().unwrap().push(room.clone());
        Ok(())
    }

    fn ended(&self, key: &str) -> Result<bool, StoreError> {
        let ended = self.ended.lock().unwrap();
        Ok(ended
            .iter()
            .any(|r| r.invitation == key || r.id.to_string() == key || r.old_invitations.iter().any(|c| c == key)))
    }

    fn recording_path(&self, recording: &Recording) -> Result<PathBuf, StoreError> {
        self.check()?;
        Ok(format!("/data/recordings/{}/{}.mp4", recording.id, recording.room_name).into())
    }

    fn save_recording(&self, recording: &Recording) -> Result<(), StoreError> {
        self.check()?;
        self.recordings.lock().unwrap().insert(recording.id, recording.clone());
        Ok(())
    }

    fn recordings(&self) -> Result<Vec<Recording>, StoreError> {
        Ok(self.recordings.lock().unwrap().values().cloned().collect())
    }

    fn delete_recording(&self, recording: OutputId) -> Result<(), StoreError> {
        self.check()?;
        self.recordings.lock().unwrap().remove(&recording);
        Ok(())
    }
}
