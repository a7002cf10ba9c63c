//! One JSON file per message, shared with the web client's tests: what is in them is what goes over the wire.
//! `VERANDA_UPDATE=1 cargo test --test protocol_golden` writes those of the server anew.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail like tests.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};
use veranda::domain::words::{
    Activity, Layout, MediaState, ParticipantKind, Reaction, RecordingState, Role, Rules, StreamState, TrackSource,
    ViewChoice, ViewMode,
};
use veranda::protocol::PROTOCOL_VERSION;
use veranda::protocol::client::{ClientFrame, ClientMessage, ViewTile};
use veranda::protocol::server::{
    ChatLine, FeedView, IceServer, ParticipantView, PictureView, RecordingView, RoomView, ServerMessage, SlotLimits,
    SlotView, StreamView, WaitingView,
};

const MEDIA: MediaState = MediaState { microphone: true, camera: true, screen: false, screen_sound: false };

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden/protocol")
}

fn golden(name: &str) -> Value {
    let text =
        fs::read_to_string(folder().join(format!("{name}.json"))).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_str(&text).unwrap()
}

/// Each message from a browser, by the name of its file.
fn client_messages() -> Vec<(&'static str, ClientMessage)> {
    let person = || "p1f2e3d4c5b6a".to_owned();
    let mut messages = vec![
        (
            "join",
            ClientMessage::Join {
                protocol: PROTOCOL_VERSION,
                name: "Anna".into(),
                host_token: Some("3q2-7wAAAAAAAAAAAAAAAA".into()),
                resume: Some("u6urq6urq6urq6urq6urqw".into()),
                media: MEDIA,
            },
        ),
        ("offer", ClientMessage::Offer { sdp: "v=0\r\n".into() }),
        ("media", ClientMessage::Media { media: MEDIA }),
        (
            "view",
            ClientMessage::View {
                mode: ViewChoice::Tiles,
                tiles: vec![ViewTile { participant: person(), source: TrackSource::Camera, height: 360, pinned: true }],
            },
        ),
        ("leave", ClientMessage::Leave {}),
        ("chat", ClientMessage::Chat { text: "Look: https://example.org/".into() }),
        ("react", ClientMessage::React { reaction: Reaction::Heart }),
        ("raise_hand", ClientMessage::RaiseHand { raised: true }),
        (
            "change_room",
            ClientMessage::ChangeRoom {
                name: Some("Sunday lunch".into()),
                activity: Some(Activity::Family),
                locked: Some(true),
                lobby: Some(false),
                layout: Some(Layout::Speaker),
                rules: Some(rules()),
            },
        ),
        ("renew_invitation", ClientMessage::RenewInvitation {}),
        ("mute", ClientMessage::Mute { participant: person(), muted: true }),
        ("mute_all", ClientMessage::MuteAll {}),
        ("ask_to_unmute", ClientMessage::AskToUnmute { participant: person() }),
        ("stop_share", ClientMessage::StopShare { participant: person() }),
        ("lower_hand", ClientMessage::LowerHand { participant: person() }),
        ("set_role", ClientMessage::SetRole { participant: person(), role: Role::Host }),
        ("remove", ClientMessage::Remove { participant: person() }),
        ("admit", ClientMessage::Admit { participant: person(), admitted: true }),
        ("end_room", ClientMessage::EndRoom {}),
    ];
    messages.extend(messages_about_outputs());
    messages
}

fn messages_about_outputs() -> Vec<(&'static str, ClientMessage)> {
    vec![
        (
            "start_recording",
            ClientMessage::StartRecording {
                layout: Some(Layout::Auto),
                width: Some(1920),
                height: Some(1080),
                fps: Some(30),
                bitrate: None,
                tracks: Some(true),
            },
        ),
        ("pause_recording", ClientMessage::PauseRecording { recording: "o7b".into() }),
        ("resume_recording", ClientMessage::ResumeRecording { recording: "o7b".into() }),
        ("stop_recording", ClientMessage::StopRecording { recording: "o7b".into() }),
        (
            "start_stream",
            ClientMessage::StartStream {
                url: "rtmp://live.example/app/key".into(),
                layout: None,
                width: None,
                height: None,
                fps: None,
                bitrate: None,
            },
        ),
        ("stop_stream", ClientMessage::StopStream { stream: "o7c".into() }),
    ]
}

fn rules() -> Rules {
    Rules { guests_share: false, join_muted: true, recording: true, names_shown: false }
}

fn room() -> RoomView {
    RoomView {
        id: "r1f".into(),
        name: "Sunday lunch".into(),
        activity: Activity::Family,
        locked: false,
        lobby: false,
        layout: Layout::Grid,
        rules: rules(),
        picture: Some(PictureView { width: 1920, height: 1080, fps: 30 }),
        disk: None,
        max_participants: 50,
        recordings: vec![RecordingView {
            id: "o7b".into(),
            state: RecordingState::Live,
            started_at: "2026-11-22T10:00:00Z".into(),
            duration: 12.5,
            slower: None,
            smaller: None,
            cheaper: false,
            error: None,
        }],
        streams: vec![StreamView {
            id: "o7c".into(),
            url: "rtmp://live.example/app/…".into(),
            state: StreamState::Retrying,
            retries: 2,
            started_at: "2026-11-22T10:01:00Z".into(),
            error: Some("the server closed the connection".into()),
            playlist: None,
        }],
    }
}

fn anna() -> ParticipantView {
    ParticipantView {
        id: "p1f2e3d4c5b6a".into(),
        name: "Anna".into(),
        role: Role::Host,
        kind: ParticipantKind::Browser,
        joined_at: "2026-11-22T09:59:58.25Z".into(),
        media: MEDIA,
        muted_by_host: false,
        view: ViewMode::Tiles,
        weak: false,
        hand: Some(3),
        connected: true,
    }
}

fn welcome() -> ServerMessage {
    ServerMessage::Welcome {
        protocol: PROTOCOL_VERSION,
        you: "p1f2e3d4c5b6a".into(),
        role: Role::Host,
        resume: "u6urq6urq6urq6urq6urqw".into(),
        room: room(),
        participants: vec![anna()],
        ice_servers: vec![IceServer {
            urls: vec!["turn:turn.example:3478".into()],
            username: Some("1795000000:p1f2e3d4c5b6a".into()),
            credential: Some("c2VjcmV0".into()),
        }],
        slots: SlotLimits { audio: 3, video: 12 },
    }
}

/// Each message from the server.
fn server_messages() -> Vec<ServerMessage> {
    let person = || "p1f2e3d4c5b6a".to_owned();
    vec![
        ServerMessage::Waiting {},
        welcome(),
        ServerMessage::Answer { sdp: "v=0\r\n".into() },
        ServerMessage::MediaLost { reason: "the media connection was lost".into() },
        ServerMessage::Layers { source: TrackSource::Camera, layers: 2, height: Some(240) },
        ServerMessage::Slots {
            slots: vec![
                SlotView {
                    mid: "4".into(),
                    feed: Some(FeedView::Track { participant: person(), source: TrackSource::Camera }),
                },
                SlotView { mid: "5".into(), feed: Some(FeedView::Mix {}) },
                SlotView { mid: "6".into(), feed: None },
            ],
        },
        ServerMessage::ParticipantJoined { participant: anna() },
        ServerMessage::ParticipantChanged { participant: anna() },
        ServerMessage::ParticipantLeft { participant: person() },
        ServerMessage::Speaking { participants: vec![person()] },
        ServerMessage::RoomChanged { room: room() },
        ServerMessage::WaitingChanged { waiting: vec![WaitingView { participant: "p9".into(), name: "Ben".into() }] },
        ServerMessage::Invitation {
            invitation: "3q2-7wAAAAAAAAAAAAAAAA".into(),
            url: "https://meet.example/r/3q2-7wAAAAAAAAAAAAAAAA".into(),
        },
        ServerMessage::Muted {},
        ServerMessage::Still { jpeg: "/9j/2wBDAA==".into() },
        ServerMessage::StreamSent {
            stream: "o7c".into(),
            bytes: 1_250_000,
            bitrate: 2_000_000,
            dropped: 12,
            duration: 5.0,
        },
        ServerMessage::UnmuteAsked {},
        ServerMessage::ShareStopped {},
        ServerMessage::Chat {
            lines: vec![ChatLine {
                id: 12,
                participant: person(),
                name: "Anna".into(),
                text: "Look: https://example.org/".into(),
                sent_at: "2026-11-22T10:03:00.5Z".into(),
            }],
        },
        ServerMessage::Reacted { participant: person(), reaction: Reaction::Heart },
        ServerMessage::Done { request: 7 },
        ServerMessage::Error { code: "forbidden".into(), message: "only a host can do this".into(), request: Some(7) },
        ServerMessage::Closing { code: "ended".into(), message: "The host ended the room for everybody.".into() },
    ]
}

fn parse(value: Value) -> Result<ClientFrame, String> {
    serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())
}

#[test]
fn every_message_of_a_browser_reads_as_it_is_written() {
    for (name, message) in client_messages() {
        let mut value = golden(&format!("client_{name}"));
        assert_eq!(value["type"], name);
        assert_eq!(parse(value.clone()), Ok(ClientFrame { request: None, message: message.clone() }), "{name}");
        value["request"] = json!(7);
        assert_eq!(parse(value), Ok(ClientFrame { request: Some(7), message }), "{name}");
    }
}

#[test]
fn an_unknown_field_is_refused_by_name() {
    for (name, _) in client_messages() {
        let mut value = golden(&format!("client_{name}"));
        value["surprise"] = json!(1);
        let error = parse(value).unwrap_err();
        assert!(error.contains("surprise"), "{name}: {error}");
    }
    let inner = parse(json!({"type": "media", "media": {"microphone": true, "smell": true}})).unwrap_err();
    assert!(inner.contains("smell"), "{inner}");
}

#[test]
fn what_is_no_message_is_refused() {
    for value in [
        json!(null),
        json!([]),
        json!({}),
        json!({"type": "dance"}),
        json!({"type": 5}),
        json!({"type": "offer"}),
        json!({"type": "offer", "sdp": 5}),
        json!({"type": "mute", "participant": "p1", "muted": "yes"}),
        json!({"type": "leave", "request": -1}),
        json!({"type": "view", "mode": "holo"}),
        json!({"type": "view", "mode": "tiles", "tiles": [{"participant": "p1", "source": "camera", "height": 70000}]}),
    ] {
        assert!(parse(value.clone()).is_err(), "{value}");
    }
}

#[test]
fn what_may_be_left_out_may_be_left_out() {
    let join = parse(json!({"type": "join", "protocol": 1, "name": "Anna"})).unwrap();
    let media = MediaState::default();
    let message = ClientMessage::Join { protocol: 1, name: "Anna".into(), host_token: None, resume: None, media };
    assert_eq!(join.message, message);
    assert!(parse(json!({"type": "view", "mode": "mix"})).is_ok());
    assert!(parse(json!({"type": "change_room"})).is_ok());
}

#[test]
fn every_message_of_the_server_is_written_like_this() {
    for message in server_messages() {
        let value = serde_json::to_value(&message).unwrap();
        let name = format!("server_{}", value["type"].as_str().unwrap());
        if std::env::var_os("VERANDA_UPDATE").is_some() {
            let text = serde_json::to_string_pretty(&message).unwrap();
            fs::write(folder().join(format!("{name}.json")), text + "\n").unwrap();
        }
        assert_eq!(golden(&name), value, "{name}");
    }
}

/// A new message without a file here, a file without a message, or a message the page does not show.
#[test]
fn files_messages_and_the_page_agree() {
    let mut names: BTreeSet<String> = client_messages().iter().map(|(name, _)| format!("client_{name}")).collect();
    for message in server_messages() {
        names.insert(format!("server_{}", serde_json::to_value(&message).unwrap()["type"].as_str().unwrap()));
    }
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let files: BTreeSet<String> = files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(files, names);

    let source = |file: &str| fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    let page = source("docs/protocol.md");
    // The generated types name every variant there is.
    for side in ["client", "server"] {
        let types = source(&format!("web/src/protocol/{side}.ts"));
        for message in types.split("\"type\": \"").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(names.contains(&format!("{side}_{message}")), "{side} message {message} has no example");
        }
    }
    let examples: Vec<Value> = page
        .lines()
        .filter(|line| line.starts_with("{\"type\""))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for name in names {
        assert!(examples.contains(&golden(&name)), "docs/protocol.md does not show tests/golden/protocol/{name}.json");
    }
}
