//! What hosts may do, and guests may not.

use veranda::domain::canvas::Wish;
use veranda::domain::error::Reason;
use veranda::domain::ids::{OutputId, ParticipantId, Source, TrackId};
use veranda::domain::media::MediaCommand;
use veranda::domain::room::{Act, Caller, Effect, News, Reply};
use veranda::domain::words::{Layout, MediaState, ParticipantKind, Role};

use crate::script::{Script, reason};

fn rename(name: &str) -> Act {
    Act::ChangeRoom { name: Some(name.into()), activity: None, locked: None, lobby: None, layout: None, rules: None }
}

#[test]
fn a_guest_may_do_nothing_of_a_host() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    s.forget();
    let output = OutputId(1);
    for act in [
        rename("Mine"),
        Act::RenewInvitation { invitation: "mine".into() },
        Act::Mute { participant: anna, muted: true },
        Act::SetRole { participant: ben, role: Role::Host },
        Act::Remove { participant: anna },
        Act::Admit { participant: anna, admitted: true },
        Act::EndRoom,
        Act::StartRecording { output, layout: None, wish: Wish::default(), tracks: false },
        Act::StopRecording { output },
        Act::DeleteRecording { output },
        Act::StartStream { output, url: "rtmp://a.example/app/key".into(), layout: None, wish: Wish::default() },
        Act::StopStream { output },
        Act::Participants,
        Act::Streams,
    ] {
        assert_eq!(reason(s.act(ben, act.clone())), Some(Reason::Forbidden), "{act:?}");
        assert_eq!(reason(s.act(ParticipantId(99), act)), Some(Reason::Forbidden), "nobody");
    }
    assert_eq!((s.told(anna), s.commands(), s.others()), (vec![], vec![], vec![]));
}

#[test]
fn the_api_is_a_host_but_nobody_in_the_room() {
    let mut s = Script::new();
    assert_eq!(s.api(rename("Lunch")), Ok(Reply::Room));
    assert_eq!(reason(s.api(Act::Leave)), Some(Reason::Forbidden));
    assert_eq!(reason(s.api(Act::Media(MediaState::default()))), Some(Reason::Forbidden));
}

#[test]
fn settings_are_checked_told_and_kept() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    s.forget();
    assert_eq!(s.act(anna, rename("  Lunch ")), Ok(Reply::Room));
    assert_eq!(s.room.settings().name, "Lunch");
    assert_eq!(s.told(anna), [News::Room { for_hosts: true }]);
    assert_eq!(s.told(ben), [News::Room { for_hosts: false }]);
    assert_eq!(s.others(), [Effect::SaveSettings]);
    assert_eq!(s.act(anna, rename("Lunch")), Ok(Reply::Room));
    assert_eq!((s.told(anna), s.others()), (vec![], vec![]), "nothing changed");
    assert_eq!(reason(s.act(anna, rename(&"x".repeat(81)))), Some(Reason::OutOfRange));
    assert_eq!(s.scene().title, "Lunch");
}

#[test]
fn a_new_invitation_is_told_to_hosts() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    s.forget();
    assert_eq!(s.act(anna, Act::RenewInvitation { invitation: "second".into() }), Ok(Reply::Room));
    assert_eq!(s.room.settings().invitation, "second");
    assert_eq!((s.told(anna), s.told(ben)), (vec![News::Invitation], vec![]));
    assert_eq!(s.others(), [Effect::SaveSettings]);
}

#[test]
fn a_muted_person_is_silent_until_they_unmute_themselves() {
    let mut s = Script::new();
    let anna = s.host("Anna");
    let (ben, peer) = s.browser("Ben");
    s.forget();
    let track = TrackId { peer, source: Source::Microphone };
    assert_eq!(s.act(anna, Act::Mute { participant: ben, muted: true }), Ok(Reply::Participant(ben)));
    assert_eq!(s.told(ben), [News::Muted, News::Changed(ben)]);
    assert!(s.commands().contains(&MediaCommand::Silence { track, silenced: true }));
    let member = s.room.member(ben).unwrap();
    assert!(member.muted_by_host && !member.media.microphone);

    // The camera may change meanwhile; a new session is silenced as well.
    let camera_off = MediaState { microphone: false, ..MediaState::default() };
    assert!(s.act(ben, Act::Media(camera_off)).is_ok());
    assert_eq!(s.commands(), []);
    let peer = s.connect(ben, 3, 9);
    let track = TrackId { peer, source: Source::Microphone };
    assert!(s.commands().contains(&MediaCommand::Silence { track, silenced: true }));

    assert!(s.act(ben, Act::Media(MediaState { microphone: true, ..camera_off })).is_ok());
    assert_eq!(s.commands(), [MediaCommand::Silence { track, silenced: false }]);
    assert!(!s.room.member(ben).unwrap().muted_by_host);
    assert_eq!(reason(s.act(anna, Act::Mute { participant: ParticipantId(99), muted: true })), Some(Reason::NotFound));
}

#[test]
fn a_reload_does_not_shake_off_a_mute() {
    let mut s = Script::new();
    let anna = s.host("Anna");
    let (ben, _) = s.browser("Ben");
    assert!(s.act(anna, Act::Mute { participant: ben, muted: true }).is_ok());
    let mut back = s.guest("Ben");
    back.resume = Some(s.token(ben));
    assert_eq!(s.try_join(back), Ok(ben));
    assert!(!s.room.member(ben).unwrap().media.microphone);
}

#[test]
fn a_muted_publisher_is_unmuted_by_the_host() {
    let mut s = Script::new();
    let mut join = s.guest("Camera");
    (join.kind, join.media) = (ParticipantKind::Whip, MediaState::default());
    let camera = s.try_join(join).unwrap();
    let peer = s.connect(camera, 0, 0);
    s.flows(peer, &[Source::Microphone]);
    assert!(s.room.member(camera).unwrap().media.microphone, "what a publisher sends is on");
    for muted in [true, false] {
        assert!(s.api(Act::Mute { participant: camera, muted }).is_ok());
        assert_eq!(s.room.member(camera).unwrap().media.microphone, !muted);
    }
}

#[test]
fn a_new_host_learns_what_hosts_know() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    s.forget();
    assert_eq!(s.act(anna, Act::SetRole { participant: ben, role: Role::Host }), Ok(Reply::Participant(ben)));
    let news = [News::Changed(ben), News::Room { for_hosts: true }, News::Invitation, News::WaitingList];
    assert_eq!((s.told(anna), s.told(ben)), (vec![News::Changed(ben)], news.to_vec()));
    assert!(s.act(ben, rename("Ours")).is_ok());
    assert!(s.act(ben, Act::SetRole { participant: anna, role: Role::Guest }).is_ok());
    assert_eq!(reason(s.act(anna, rename("Mine"))), Some(Reason::Forbidden));
}

#[test]
fn the_layout_of_the_mix_can_be_chosen() {
    let mut s = Script::new();
    for name in ["Anna", "Ben", "Cleo"] {
        s.browser(name);
    }
    let same = |s: &Script| s.scene().tiles.windows(2).all(|two| two[0].rect.width == two[1].rect.width);
    assert!(same(&s));
    let speaker = Act::ChangeRoom {
        name: None,
        activity: None,
        locked: None,
        lobby: None,
        layout: Some(Layout::Speaker),
        rules: None,
    };
    let request = s.begin(Caller::Host, speaker);
    assert!(s.reply(request).is_some_and(|reply| reply.is_ok()));
    assert!(!same(&s));
}

#[test]
fn a_new_size_is_composed_before_anything_starts() {
    let mut s = Script::new();
    s.browser("Anna");
    let output = s.output();
    let wish = Wish { height: Some(1080), ..Wish::default() };
    let url = "rtmp://a.example/app/key".into();
    s.forget();
    assert!(s.api(Act::StartStream { output, url, layout: Some(Layout::Speaker), wish }).is_ok());
    let commands = s.all_commands();
    let at = |wanted: fn(&MediaCommand) -> bool| commands.iter().position(wanted);
    let composed = at(|command| matches!(command, MediaCommand::Compose(scene) if scene.canvas.width == 1920));
    let started = at(|command| matches!(command, MediaCommand::Start { .. }));
    assert!(composed.is_some() && composed < started, "{commands:?}");
    assert!(s.api(Act::StopStream { output }).is_ok());
    assert_eq!(s.scene().canvas.width, 1280, "the usual one again");
}
