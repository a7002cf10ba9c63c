//! Recordings and streams, from the request to the manifest.

use veranda::domain::canvas::Wish;
use veranda::domain::error::Reason;
use veranda::domain::ids::OutputId;
use veranda::domain::media::{MediaCommand, MediaEvent, OutputEvent, OutputJob};
use veranda::domain::words::{RecordingState, StreamState};
use veranda::protocol::server::ServerMessage;
use veranda::rooms::api::{Action, Caller, Membership, Outcome, Recording};
use veranda::rooms::handle::RoomHandle;

use crate::fakes::{House, Media, goodbye, guest, hear, hear_until, join};

async fn record(room: &RoomHandle) -> Recording {
    match room.act(Caller::Host, Action::StartRecording { layout: None, wish: Wish::default(), tracks: false }).await {
        Ok(Outcome::Recording(recording)) => recording,
        other => panic!("{other:?}"),
    }
}

async fn output(media: &Media, output: OutputId, event: OutputEvent) {
    media.tell(MediaEvent::Output { output, event }).await;
}

/// Waits until a member hears that the first recording has this state.
async fn recording_is(member: &mut Membership, state: RecordingState) {
    let told = |message: &ServerMessage| match message {
        ServerMessage::RoomChanged { room } => room.recordings.first().filter(|r| r.state == state).map(|_| ()),
        _ => None,
    };
    hear_until(member, told).await;
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_made_listed_kept_and_deleted() {
    let mut house = House::new();
    let room = house.room().await;
    let mut anna = join(&room, "Anna").await;
    let recording = record(&room).await;
    let id = recording.id;
    assert_eq!((recording.state, recording.room), (RecordingState::Starting, room.id()));
    assert_eq!((recording.width, recording.height, recording.fps), (1280, 720, 30));
    let mut media = house.media().await;
    let path = format!("/data/recordings/{id}/Lunch.mp4").into();
    assert_eq!(media.next().await, Some(MediaCommand::Start { output: id, job: OutputJob::Record { path } }));
    output(&media, id, OutputEvent::Live).await;
    recording_is(&mut anna, RecordingState::Live).await;
    assert!(room.state().recording);
    assert!(matches!(house.rooms.delete_recording(id).await, Err(refusal) if refusal.reason == Reason::Conflict));

    let Ok(Outcome::Recording(stopped)) = room.act(Caller::Host, Action::StopRecording { recording: id }).await else {
        panic!("not stopped")
    };
    assert_eq!(stopped.state, RecordingState::Finishing);
    assert_eq!(media.next().await, Some(MediaCommand::Stop { output: id }));
    output(&media, id, OutputEvent::Finished { bytes: 5000, duration: 3.25 }).await;
    recording_is(&mut anna, RecordingState::Complete).await;
    let (of, complete) = house.rooms.recording(id).unwrap();
    assert_eq!(of.map(|room| room.id()), Some(room.id()));
    assert_eq!((complete.bytes, complete.duration, &complete.files[..]), (5000, 3.25, &["Lunch.mp4".to_owned()][..]));
    assert_eq!(room.recordings(), [complete]);
    assert!(!room.state().recording);

    house.rooms.delete_recording(id).await.unwrap();
    assert_eq!((house.store.manifest(id), room.recordings()), (None, vec![]));
    assert_eq!(house.rooms.recording(id).unwrap_err().reason, Reason::NotFound);
    assert_eq!(house.rooms.delete_recording(id).await.unwrap_err().reason, Reason::NotFound);
}

#[tokio::test(start_paused = true)]
async fn a_recording_the_store_has_no_room_for_fails_and_says_why() {
    let mut house = House::new();
    let room = house.room().await;
    let mut anna = join(&room, "Anna").await;
    *house.store.broken.lock().unwrap() = true;
    let id = record(&room).await.id;
    recording_is(&mut anna, RecordingState::Failed).await;
    assert_eq!(house.rooms.recording(id).unwrap().1.error.as_deref(), Some("the disk is full"));
    assert!(house.nothing_opened());
}

#[tokio::test(start_paused = true)]
async fn a_stream_hides_its_key_from_all_and_its_application_from_guests() {
    let mut house = House::new();
    let room = house.room().await;
    let mut guest_line = join(&room, "Guest").await;
    let mut request = guest("Host");
    request.host = true;
    let mut host_line = room.join(request).await.unwrap();
    hear(&mut host_line).await;
    let url = "rtmps://live.example/app/secret".to_owned();
    let start = Action::StartStream { url: url.clone(), layout: None, wish: Wish::default() };
    let Ok(Outcome::Stream(stream)) = room.act(Caller::Host, start).await else { panic!("no stream") };
    assert_eq!((stream.url.as_str(), stream.state), ("rtmps://live.example/app/…", StreamState::Connecting));
    let told = |message: &ServerMessage| match message {
        ServerMessage::RoomChanged { room } => room.streams.first().map(|stream| stream.url.clone()),
        _ => None,
    };
    assert_eq!(hear_until(&mut guest_line, told).await, "rtmps://live.example");
    assert_eq!(hear_until(&mut host_line, told).await, "rtmps://live.example/app/…");
    let mut media = house.media().await;
    assert_eq!(media.next().await, Some(MediaCommand::Start { output: stream.id, job: OutputJob::Stream { url } }));
    assert_eq!(house.rooms.stream(stream.id).unwrap().1, stream);
    assert!(room.state().live);
    room.act(Caller::Host, Action::StopStream { stream: stream.id }).await.unwrap();
    assert_eq!(media.next().await, Some(MediaCommand::Stop { output: stream.id }));
    assert_eq!(house.rooms.stream(stream.id).unwrap().1.state, StreamState::Ended);
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_the_server_waits_for_the_recordings() {
    let mut house = House::new();
    let room = house.room().await;
    let mut anna = join(&room, "Anna").await;
    let id = record(&room).await.id;
    let mut media = house.media().await;
    assert!(matches!(media.next().await, Some(MediaCommand::Start { .. })));
    let rooms = house.rooms.clone();
    let stopping = tokio::spawn(async move { rooms.shutdown().await });
    assert_eq!(goodbye(&mut anna).await, "shutdown");
    assert_eq!(media.next().await, Some(MediaCommand::Stop { output: id }));
    assert!(!stopping.is_finished());
    let refused = room.join(guest("Ben")).await.unwrap_err().reason;
    assert_eq!(refused, Reason::Unavailable);
    output(&media, id, OutputEvent::Finished { bytes: 10, duration: 1.0 }).await;
    stopping.await.unwrap();
    assert_eq!(house.store.manifest(id).unwrap().state, RecordingState::Complete, "its manifest was written");
}

#[tokio::test(start_paused = true)]
async fn a_stop_of_the_server_does_not_wait_for_ever() {
    let mut house = House::new();
    let room = house.room().await;
    record(&room).await;
    let _media = house.media().await;
    let before = tokio::time::Instant::now();
    house.rooms.shutdown().await;
    assert_eq!(before.elapsed().as_secs(), 12);
}
