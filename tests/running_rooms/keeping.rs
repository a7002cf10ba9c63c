//! What is there again after a restart.

use std::time::SystemTime;

use veranda::domain::error::Reason;
use veranda::domain::ids::{OutputId, RoomId};
use veranda::domain::words::{Layout, RecordingState};
use veranda::rooms::api::{Action, Caller, Outcome, Recording};

use crate::fakes::{House, guest};

fn manifest(room: RoomId, id: u64, state: RecordingState) -> Recording {
    Recording {
        id: OutputId(id),
        room,
        room_name: "Lunch".into(),
        state,
        layout: Layout::Grid,
        width: 1280,
        height: 720,
        fps: 30,
        started_at: SystemTime::UNIX_EPOCH,
        first_frame_at: None,
        duration: 1.0,
        bytes: 10,
        files: vec!["Lunch.mp4".into()],
        tracks: vec![],
        pace: vec![],
        error: None,
        disk: None,
        upload: None,
    }
}

#[tokio::test(start_paused = true)]
async fn settings_survive_a_restart() {
    let house = House::new();
    let room = house.room().await;
    let change = Action::ChangeRoom {
        name: Some("Dinner".into()),
        activity: None,
        locked: Some(true),
        lobby: None,
        layout: Some(Layout::Stage),
        rules: None,
    };
    let Ok(Outcome::Room(state)) = room.act(Caller::Host, change).await else { panic!("no room") };
    house.rooms.shutdown().await;
    let again = House::with(house.store.clone());
    let kept = again.rooms.find(&state.record.invitation).await.unwrap();
    assert_eq!(kept.state().record, state.record);
    assert_eq!(kept.join(guest("Anna")).await.unwrap_err().reason, Reason::Locked);
}

#[tokio::test(start_paused = true)]
async fn recordings_of_earlier_runs_are_listed_and_can_be_deleted() {
    let house = House::new();
    let room = house.room().await.id();
    for recording in [
        manifest(room, 1, RecordingState::Complete),
        manifest(room, 2, RecordingState::Live),
        manifest(RoomId(99), 3, RecordingState::Complete),
    ] {
        house.store.recordings.lock().unwrap().insert(recording.id, recording);
    }
    let again = House::with(house.store.clone());
    let listed = again.rooms.find(&room.to_string()).await.unwrap().recordings();
    let states: Vec<_> = listed.iter().map(|recording| (recording.id.0, recording.state)).collect();
    assert_eq!(states, [(1, RecordingState::Complete), (2, RecordingState::Failed)], "nobody works on the second");
    let (of, _) = again.rooms.recording(OutputId(3)).unwrap();
    assert!(of.is_none(), "its room has ended");
    for id in [1, 2, 3] {
        again.rooms.delete_recording(OutputId(id)).await.unwrap();
        assert_eq!(again.rooms.recording(OutputId(id)).unwrap_err().reason, Reason::NotFound);
    }
    assert!(house.store.recordings.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_recording_of_another_room_cannot_be_deleted_through_this_one() {
    let house = House::new();
    let room = house.room().await;
    let other = manifest(RoomId(99), 3, RecordingState::Complete);
    house.store.recordings.lock().unwrap().insert(other.id, other);
    let again = House::with(house.store.clone());
    let room = again.rooms.find(&room.id().to_string()).await.unwrap();
    let delete = Action::DeleteRecording { recording: OutputId(3) };
    assert_eq!(room.act(Caller::Host, delete).await.unwrap_err().reason, Reason::NotFound);
    assert!(house.store.manifest(OutputId(3)).is_some());
}
