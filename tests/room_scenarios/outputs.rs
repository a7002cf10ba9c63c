//! Recordings and streams.

use veranda::domain::canvas::Wish;
use veranda::domain::disk::Disk;
use veranda::domain::error::{Reason, Refusal};
use veranda::domain::ids::{OutputId, Source, TrackId};
use veranda::domain::media::{MediaCommand, MediaEvent, OutputEvent, OutputJob, OwnTrack, Sent, StillSize};
use veranda::domain::room::{Act, Caller, Effect, Input, News, Reply, Room};
use veranda::domain::target::{HlsWindow, Targets};
use veranda::domain::words::{Layout, MediaState, RecordingState, StreamState};

use crate::script::{Script, reason, seconds};

fn record(s: &mut Script) -> OutputId {
    let output = s.output();
    assert_eq!(
        s.api(Act::StartRecording { output, layout: None, wish: Wish::default(), tracks: false }),
        Ok(Reply::Recording(output))
    );
    output
}

fn prepared(s: &mut Script, output: OutputId) {
    s.input(Input::Prepared { output, path: Ok(format!("/data/{output}/Room.mp4").into()) });
}

fn output(s: &mut Script, output: OutputId, event: OutputEvent) {
    s.media(MediaEvent::Output { output, event });
}

#[test]
fn a_recording_from_the_button_to_the_file() {
    let mut s = Script::new();
    let anna = s.join("Anna");
    s.forget();
    let id = record(&mut s);
    assert_eq!(s.others(), [Effect::Progress(id), Effect::Prepare(id)]);
    assert_eq!((s.told(anna), s.commands()), (vec![News::Room { for_hosts: false }], vec![]));
    prepared(&mut s, id);
    let path = format!("/data/{id}/Room.mp4").into();
    assert_eq!(s.commands(), [MediaCommand::Start { output: id, job: OutputJob::Record { path } }]);
    s.forget();
    output(&mut s, id, OutputEvent::Live);
    assert_eq!(s.told(anna), [News::Room { for_hosts: false }]);
    output(&mut s, id, OutputEvent::Progress { bytes: 1000, duration: 1.0 });
    assert_eq!(s.told(anna), [], "progress is not news");
    assert_eq!(s.api(Act::StopRecording { output: id }), Ok(Reply::Recording(id)));
    assert_eq!(s.api(Act::StopRecording { output: id }), Ok(Reply::Recording(id)), "twice is harmless");
    assert_eq!(s.commands(), [MediaCommand::Stop { output: id }]);
    assert_eq!(reason(s.api(Act::DeleteRecording { output: id })), Some(Reason::Conflict));
    s.forget();
    output(&mut s, id, OutputEvent::Finishing);
    output(&mut s, id, OutputEvent::Finished { bytes: 2000, duration: 2.5 });
    assert_eq!(s.others().last(), Some(&Effect::SaveRecording(id)));
    let recording = s.room.recording(id).unwrap();
    assert_eq!((recording.state, recording.bytes, recording.duration), (RecordingState::Complete, 2000, 2.5));

    let request = s.begin(veranda::domain::room::Caller::Host, Act::DeleteRecording { output: id });
    assert_eq!((s.reply(request), s.others()), (None, vec![Effect::DeleteRecording { request, output: id }]));
    assert!(s.room.recordings().is_empty());
}

#[test]
fn a_recording_that_cannot_be_written_fails_alone() {
    let mut s = Script::new();
    let (bad, good) = (record(&mut s), record(&mut s));
    prepared(&mut s, good);
    s.input(Input::Prepared { output: bad, path: Err("the disk is full".into()) });
    let state = |s: &Script, id| s.room.recording(id).unwrap().state;
    assert_eq!((state(&s, bad), state(&s, good)), (RecordingState::Failed, RecordingState::Starting));
    assert_eq!(s.room.recording(bad).unwrap().error.as_deref(), Some("the disk is full"));
}

#[test]
fn a_recording_stopped_before_it_began_is_started_and_stopped() {
    let mut s = Script::new();
    let id = record(&mut s);
    assert!(s.api(Act::StopRecording { output: id }).is_ok());
    s.forget();
    prepared(&mut s, id);
    assert!(matches!(s.commands()[..], [MediaCommand::Start { .. }, MediaCommand::Stop { .. }]));
}

#[test]
fn a_stream_hides_its_key_and_comes_back() {
    let mut s = Script::new();
    let id = s.output();
    let url = "rtmp://live.example/app/secret";
    let start = Act::StartStream { output: id, url: url.into(), layout: Some(Layout::Speaker), wish: Wish::default() };
    assert_eq!(s.api(start), Ok(Reply::Stream(id)));
    assert_eq!(s.commands(), [MediaCommand::Start { output: id, job: OutputJob::Stream { url: url.into() } }]);
    let stream = s.room.stream(id).unwrap();
    assert_eq!((stream.url.as_str(), stream.host.as_str()), ("rtmp://live.example/app/…", "rtmp://live.example"));
    assert_eq!(s.room.settings().layout, Layout::Speaker);
    output(&mut s, id, OutputEvent::Live);
    output(&mut s, id, OutputEvent::Retrying { error: "closed".into(), retries: 1 });
    assert_eq!(s.room.stream(id).map(|stream| (stream.state, stream.retries)), Some((StreamState::Retrying, 1)));
    assert_eq!(s.api(Act::StopStream { output: id }), Ok(Reply::Stream(id)));
    assert_eq!(s.commands(), [MediaCommand::Stop { output: id }]);
    assert_eq!(s.room.stream(id).map(|stream| stream.state), Some(StreamState::Ended));
    assert!(!s.room.needs_media());
}

fn stream(s: &mut Script, url: &str) -> Result<Reply, Refusal> {
    let output = s.output();
    s.api(Act::StartStream { output, url: url.into(), layout: None, wish: Wish::default() })
}

#[test]
fn a_room_is_live_to_hls_once() {
    let mut s = Script::new();
    let Ok(Reply::Stream(id)) = stream(&mut s, "hls:event") else { panic!("refused") };
    let job = OutputJob::Hls { folder: id.to_string().into(), window: HlsWindow::Event };
    assert_eq!(s.commands(), [MediaCommand::Start { output: id, job }]);
    assert_eq!(reason(stream(&mut s, "hls:")), Some(Reason::Conflict));
    assert!(s.api(Act::StopStream { output: id }).is_ok());
    assert!(stream(&mut s, "hls:").is_ok());
}

#[test]
fn an_operator_keeps_streams_out_of_private_networks() {
    let mut s = Script::new();
    s.room = Room::new(s.room.settings().clone()).with_targets(Targets::Public);
    for url in ["rtmp://127.0.0.1/live/key", "rtmps://localhost/live/key", "srt://[fd00::1]:9000", "rtmp://10.0.0.1/a"]
    {
        assert_eq!(reason(stream(&mut s, url)), Some(Reason::Forbidden), "{url}");
    }
    assert!(stream(&mut s, "rtmp://live.example/app/key").is_ok() && stream(&mut s, "hls:").is_ok());
}

#[test]
fn how_much_went_out_is_told_to_hosts_alone() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    let Ok(Reply::Stream(id)) = stream(&mut s, "rtmp://live.example/app/key") else { panic!("refused") };
    output(&mut s, id, OutputEvent::Live);
    s.forget();
    let sent = Sent { bytes: 1000, bitrate: 2_000_000, dropped: 3, seconds: 4.0 };
    output(&mut s, id, OutputEvent::Sent(sent));
    assert_eq!((s.told(anna), s.told(ben)), (vec![News::Sent(id)], vec![]));
    assert_eq!(s.room.stream(id).map(|stream| stream.sent()), Some(sent));
    output(&mut s, id, OutputEvent::Retrying { error: "away".into(), retries: 1 });
    assert_eq!(s.room.stream(id).map(|stream| stream.sent()), Some(Sent { bitrate: 0, ..sent }));
}

#[test]
fn a_picture_is_made_once_for_all_who_ask_within_a_second() {
    let mut s = Script::new();
    assert_eq!(reason(s.api(Act::Snapshot)), Some(Reason::Conflict), "nobody is there");
    s.host("Anna");
    s.forget();
    let still = |s: &mut Script, jpeg: Option<&[u8]>| {
        let (size, jpeg) = (StillSize::Full, jpeg.map(Into::into));
        s.media(MediaEvent::Still { size, jpeg });
    };
    let asked: Vec<_> = (0..2).map(|_| s.begin(Caller::Host, Act::Snapshot)).collect();
    assert_eq!(s.commands(), [MediaCommand::Still(StillSize::Full)]);
    still(&mut s, Some(&[1]));
    for request in asked {
        assert_eq!(s.reply(request), Some(Ok(Reply::Snapshot([1][..].into()))));
    }
    assert_eq!(s.api(Act::Snapshot), Ok(Reply::Snapshot([1][..].into())), "the same again");
    assert!(s.commands().is_empty());
    s.wait(seconds(2));
    let late = s.begin(Caller::Host, Act::Snapshot);
    s.wait(seconds(10));
    assert_eq!(s.reply(late).and_then(reason), Some(Reason::Unavailable));
}

#[test]
fn what_does_not_exist_or_is_no_address_is_refused() {
    let mut s = Script::new();
    let nothing = OutputId(99);
    assert_eq!(reason(s.api(Act::StopRecording { output: nothing })), Some(Reason::NotFound));
    assert_eq!(reason(s.api(Act::StopStream { output: nothing })), Some(Reason::NotFound));
    let start =
        Act::StartStream { output: nothing, url: "https://example.com".into(), layout: None, wish: Wish::default() };
    assert_eq!(reason(s.api(start)), Some(Reason::OutOfRange));
    assert!(s.room.streams().is_empty() && s.commands().is_empty());
}

#[test]
fn the_end_of_the_room_waits_for_its_recordings() {
    let mut s = Script::new();
    let anna = s.host("Anna");
    let id = record(&mut s);
    prepared(&mut s, id);
    s.forget();
    assert!(s.act(anna, Act::EndRoom).is_ok());
    assert!(s.commands().contains(&MediaCommand::Stop { output: id }));
    assert!(!s.room.is_over() && s.room.needs_media());
    output(&mut s, id, OutputEvent::Finished { bytes: 1, duration: 1.0 });
    assert!(s.room.is_over() && !s.room.needs_media());
}

#[test]
fn a_recording_of_an_empty_room_is_forgotten_only_for_a_while() {
    let mut s = Script::new();
    let (anna, id) = (s.join("Anna"), record(&mut s));
    prepared(&mut s, id);
    assert!(s.act(anna, Act::Leave).is_ok());
    s.wait(seconds(599));
    s.forget();
    let ben = s.join("Ben");
    s.wait(seconds(3600));
    assert!(!s.commands().contains(&MediaCommand::Stop { output: id }), "somebody came");
    assert!(s.act(ben, Act::Leave).is_ok());
    s.wait(seconds(600));
    assert!(s.commands().contains(&MediaCommand::Stop { output: id }));
}

#[test]
fn when_the_media_side_fails_outputs_fail_and_say_so() {
    let mut s = Script::new();
    let id = record(&mut s);
    prepared(&mut s, id);
    s.input(Input::MediaGone);
    let recording = s.room.recording(id).unwrap();
    assert_eq!((recording.state, recording.error.is_some()), (RecordingState::Failed, true));
}

#[test]
fn a_pause_is_allowed_while_it_records_and_only_then() {
    let mut s = Script::new();
    let id = record(&mut s);
    let pause = |s: &mut Script, paused| s.api(Act::PauseRecording { output: id, paused });
    assert_eq!(reason(pause(&mut s, true)), Some(Reason::Conflict), "nothing is written so far");
    prepared(&mut s, id);
    output(&mut s, id, OutputEvent::Live);
    assert_eq!(reason(pause(&mut s, false)), Some(Reason::Conflict));
    s.forget();
    assert_eq!(pause(&mut s, true), Ok(Reply::Recording(id)));
    assert_eq!(s.room.recording(id).unwrap().state, RecordingState::Paused);
    assert_eq!(s.commands(), [MediaCommand::Pause { output: id, paused: true }]);
    assert_eq!(reason(pause(&mut s, true)), Some(Reason::Conflict));
    assert!(s.room.held_canvas().is_some(), "its size is kept");
    s.forget();
    assert_eq!(pause(&mut s, false), Ok(Reply::Recording(id)));
    assert_eq!(s.commands(), [MediaCommand::Pause { output: id, paused: false }]);
    assert!(pause(&mut s, true).is_ok() && s.api(Act::StopRecording { output: id }).is_ok(), "a pause may be the end");
    assert_eq!(reason(pause(&mut s, false)), Some(Reason::Conflict));
}

#[test]
fn own_media_are_asked_for_once_and_only_where_wanted() {
    let mut s = Script::new();
    let (anna, peer) = s.browser("Anna");
    s.flows(peer, &[Source::Microphone, Source::Camera]);
    let plain = record(&mut s);
    prepared(&mut s, plain);
    let id = s.output();
    assert!(s.api(Act::StartRecording { output: id, layout: None, wish: Wish::default(), tracks: true }).is_ok());
    s.forget();
    prepared(&mut s, id);
    let own = |source| OwnTrack { track: TrackId { peer, source }, participant: anna, name: "Anna".into() };
    let kept = |s: &mut Script| {
        let kept = |command| match command {
            MediaCommand::KeepTracks { output, tracks } => Some((output, tracks)),
            _ => None,
        };
        s.commands().into_iter().filter_map(kept).collect::<Vec<_>>()
    };
    assert_eq!(kept(&mut s), [(id, vec![own(Source::Microphone), own(Source::Camera)])]);
    s.forget();
    assert!(s.act(anna, Act::Media(MediaState::default())).is_ok(), "off is a gap, and no other file");
    assert_eq!(kept(&mut s), []);
    let (_, other) = s.browser("Ben");
    assert_eq!(kept(&mut s).last().map(|(_, tracks)| tracks.len()), Some(4), "his microphone and camera");
    s.forget();
    assert!(s.api(Act::StopRecording { output: id }).is_ok());
    s.flows(other, &[Source::Screen]);
    assert_eq!(kept(&mut s), [], "it has ended");
}

#[test]
fn what_interrupts_a_recording_leaves_a_file_and_says_why() {
    let mut s = Script::new();
    let id = record(&mut s);
    prepared(&mut s, id);
    output(&mut s, id, OutputEvent::Live);
    output(&mut s, id, OutputEvent::Interrupted { error: "The disk is full.".into() });
    output(&mut s, id, OutputEvent::Finished { bytes: 10, duration: 1.0 });
    let recording = s.room.recording(id).unwrap();
    assert_eq!((recording.state, recording.error.as_deref()), (RecordingState::Complete, Some("The disk is full.")));
    assert!(recording.file().is_some());
}

#[test]
fn hosts_who_record_hear_that_the_disk_is_nearly_full() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    let id = record(&mut s);
    s.forget();
    let low = Some(Disk { free: 1_000_000, minutes_left: Some(3) });
    s.input(Input::Disk(low));
    s.input(Input::Disk(low));
    assert_eq!((s.told(anna), s.told(ben)), (vec![News::Room { for_hosts: true }], vec![]));
    assert_eq!(s.room.disk(), low);
    prepared(&mut s, id);
    output(&mut s, id, OutputEvent::Failed { error: "gone".into() });
    assert_eq!(s.room.disk(), None, "nobody records");
}
