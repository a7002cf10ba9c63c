//! The data folder closed and opened again, whole and damaged.

use std::time::{Duration, UNIX_EPOCH};

use super::recover::recover;
use super::*;
use crate::domain::words::{Activity, Layout, RecordingState, Rules};

fn room(id: u64) -> RoomRecord {
    RoomRecord {
        id: RoomId(id),
        name: format!("Room {id}"),
        activity: Activity::CatchUp,
        invitation: format!("code-{id}-2"),
        old_invitations: vec![format!("code-{id}-0"), format!("code-{id}-1")],
        host_token: format!("token-{id}"),
        max_participants: 50,
        locked: true,
        lobby: false,
        layout: Layout::Speaker,
        rules: Rules { join_muted: true, ..Rules::default() },
        created_at: UNIX_EPOCH + Duration::from_millis(1_795_342_800_123 + id % 1000),
    }
}

fn recording(id: u64, state: RecordingState) -> Recording {
    Recording {
        id: OutputId(id),
        room: RoomId(1),
        room_name: "Zoé / Max".to_owned(),
        state,
        layout: Layout::Grid,
        width: 1280,
        height: 720,
        fps: 30,
        started_at: UNIX_EPOCH + Duration::from_secs(1_795_342_800 + id),
        first_frame_at: None,
        duration: 1.5,
        bytes: 10,
        files: Vec::new(),
        tracks: Vec::new(),
        pace: Vec::new(),
        error: None,
        disk: None,
        upload: None,
    }
}

fn open() -> (tempfile::TempDir, Storage) {
    let folder = tempfile::tempdir().unwrap();
    let storage = Storage::open(folder.path()).unwrap();
    (folder, storage)
}

#[test]
fn rooms_survive_with_all_their_codes() {
    let (folder, storage) = open();
    let (first, big) = (room(1), room(u64::MAX));
    storage.save_room(&first).unwrap();
    storage.save_room(&big).unwrap();
    drop(storage);
    let storage = Storage::open(folder.path()).unwrap();
    assert_eq!(storage.rooms().unwrap(), [first, big]);
}

#[test]
fn a_new_invitation_replaces_the_old_one() {
    let (_folder, storage) = open();
    let mut record = room(1);
    storage.save_room(&record).unwrap();
    record.old_invitations.push(std::mem::replace(&mut record.invitation, "code-1-3".to_owned()));
    record.locked = false;
    storage.save_room(&record).unwrap();
    assert_eq!(storage.rooms().unwrap(), [record]);
}

#[test]
fn an_ended_room_is_gone_but_its_codes_and_owner_are_known() {
    let (folder, storage) = open();
    storage.save_room(&room(1)).unwrap();
    storage.save_room(&room(2)).unwrap();
    storage.end_room(&room(1)).unwrap();
    drop(storage);
    let storage = Storage::open(folder.path()).unwrap();
    assert_eq!(storage.rooms().unwrap(), [room(2)]);
    for text in ["r1", "code-1-0", "code-1-1", "code-1-2"] {
        assert!(storage.ended(text).unwrap(), "{text}");
    }
    for text in ["r2", "code-2-0", "code-2-2", "r3", "", "' OR 1=1"] {
        assert!(!storage.ended(text).unwrap(), "{text}");
    }
    assert_eq!(storage.room_of_host("token-1").unwrap(), Some(RoomId(1)));
    assert_eq!(storage.room_of_host("token-2").unwrap(), Some(RoomId(2)));
    assert_eq!(storage.room_of_host("token-3").unwrap(), None);
    assert_eq!(storage.room_of_host("").unwrap(), None);
}

#[test]
fn manifests_survive_and_damaged_ones_are_passed_over() {
    let (_folder, storage) = open();
    let mut whole = recording(1, RecordingState::Complete);
    whole.files = vec!["Veranda x.mp4".to_owned()];
    whole.error = Some("why".to_owned());
    storage.save_recording(&whole).unwrap();
    let mut escaping = recording(2, RecordingState::Complete);
    escaping.files = vec!["../../secret".to_owned()];
    storage.save_recording(&escaping).unwrap();
    std::fs::create_dir(storage.recording_folder(OutputId(3))).unwrap();
    std::fs::write(storage.recording_folder(OutputId(3)).join("manifest.json"), "{").unwrap();
    assert_eq!(storage.recordings().unwrap(), [whole]);
    storage.delete_recording(OutputId(1)).unwrap();
    storage.delete_recording(OutputId(1)).unwrap();
    assert_eq!(storage.recordings().unwrap(), []);
}

#[test]
fn a_recording_s_file_is_in_its_own_folder() {
    let (folder, storage) = open();
    let path = storage.recording_path(&recording(31, RecordingState::Starting)).unwrap();
    assert_eq!(path.parent().unwrap(), folder.path().join("recordings/o1f"));
    assert!(path.parent().unwrap().is_dir());
    assert_eq!(path.file_name().unwrap(), "Veranda Zoé Max 2026-11-22 10.20.31.mp4");
}

#[test]
fn a_crash_is_settled_once() {
    let (_folder, storage) = open();
    let written = |id, state, files: &[(&str, &str)]| {
        let recording = recording(id, state);
        storage.save_recording(&recording).unwrap();
        for (name, content) in files {
            std::fs::write(storage.recording_folder(recording.id).join(name), content).unwrap();
        }
    };
    written(1, RecordingState::Live, &[("a.mp4.partial", "good")]);
    written(2, RecordingState::Finishing, &[("a.mp4.partial", "good"), ("a.mp4", "half")]);
    written(3, RecordingState::Finishing, &[("a.mp4", "whole")]);
    written(4, RecordingState::Starting, &[]);
    written(5, RecordingState::Live, &[("a.mp4.partial", "bad")]);
    written(6, RecordingState::Complete, &[("a.mp4", "done")]);
    std::fs::create_dir(storage.recording_folder(OutputId(7))).unwrap();
    std::fs::write(storage.recording_folder(OutputId(7)).join("a.mp4.partial"), "good").unwrap();

    let finish = |partial: &Path, finished: &Path| match std::fs::read_to_string(partial) {
        Ok(text) if text == "good" => {
            std::fs::write(finished, "finished").map_or(Err("?".to_owned()), |()| Ok((8, 2.5)))
        }
        _ => Err("no picture in it".to_owned()),
    };
    let settled = recover(&storage, &finish, &|_| Some(2.5)).unwrap();
    assert_eq!(settled.len(), 6);
    assert_eq!(settled.iter().filter(|one| one.error.is_some()).count(), 2);

    let after = storage.recordings().unwrap();
    let short: Vec<_> = after.iter().map(|one| (one.state, one.bytes, one.duration, one.files.len())).collect();
    use RecordingState::{Complete, Failed};
    assert_eq!(
        short,
        [
            (Complete, 8, 2.5, 1),
            (Complete, 8, 2.5, 1),
            (Complete, 5, 1.5, 1),
            (Failed, 10, 1.5, 0),
            (Failed, 10, 1.5, 0),
            (Complete, 10, 1.5, 0)
        ]
    );
    assert_eq!(after[4].error.as_deref(), Some("no picture in it"));
    let exists = |id, name| storage.recording_folder(OutputId(id)).join(name).exists();
    assert!(!exists(1, "a.mp4.partial") && exists(1, "a.mp4"));
    assert!(exists(5, "a.mp4.partial"), "what was written is kept");
    assert!(!exists(7, "a.mp4.partial") && exists(7, "a.mp4"));
    assert_eq!(recover(&storage, &finish, &|_| Some(2.5)).unwrap(), []);
}
