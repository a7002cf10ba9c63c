//! Chat, reactions, hands, and what a room's rules let guests do.

use veranda::domain::error::Reason;
use veranda::domain::ids::ParticipantId;
use veranda::domain::room::{Act, News, Parting};
use veranda::domain::words::{Reaction, Role, Rules};

use crate::script::{ALL_ON, Script, reason, seconds};

fn say(text: &str) -> Act {
    Act::Chat { text: text.into() }
}

fn rules(rules: Rules) -> Act {
    Act::ChangeRoom { name: None, activity: None, locked: None, lobby: None, layout: None, rules: Some(rules) }
}

fn hands(s: &Script) -> Vec<ParticipantId> {
    let mut up: Vec<_> = s.room.members().iter().filter_map(|m| Some((m.hand?, m.id))).collect();
    up.sort_unstable();
    up.into_iter().map(|(_, id)| id).collect()
}

#[test]
fn what_was_written_is_told_to_late_comers() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    s.forget();
    assert!(s.act(ben, say(" <b>hello</b> ")).is_ok());
    assert_eq!(s.told(anna), [News::Chat { since: 0 }]);
    assert_eq!(s.told(ben), [News::Chat { since: 0 }]);
    assert!(s.act(anna, say("second")).is_ok());
    assert_eq!(s.told(ben), [News::Chat { since: 1 }]);
    s.act(ben, Act::Leave).unwrap();
    let carl = s.join("Carl");
    assert!(s.told(carl).contains(&News::Chat { since: 0 }));
    let lines: Vec<_> = s.room.chat().since(0).map(|line| (line.name.as_str(), line.text.as_str())).collect();
    assert_eq!(lines, [("Ben", "<b>hello</b>"), ("Anna", "second")]);
    assert_eq!(reason(s.act(carl, say(&"x".repeat(10_000)))), Some(Reason::OutOfRange));
    assert_eq!(reason(s.api(say("from nowhere"))), Some(Reason::Forbidden));
}

#[test]
fn a_flood_is_slowed_then_removed_for_good() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    let (token, connection) = (s.token(ben), s.connection(ben));
    assert_eq!((0..8).filter(|_| s.act(ben, say("hi")).is_ok()).count(), 8);
    assert_eq!(reason(s.act(ben, Act::React(Reaction::Heart))), Some(Reason::TooMany), "slowed");
    assert!(s.act(anna, say("me too")).is_ok(), "each has a pace of their own");
    s.wait(seconds(2));
    assert!(s.act(ben, say("sorry")).is_ok());
    let mut refused = 0;
    while s.room.member(ben).is_some() {
        refused += usize::from(s.act(ben, say("hi")).is_err());
        assert!(refused < 30);
    }
    assert_eq!(s.closed, [(connection, Parting::Flooded)]);
    let mut again = s.guest("Ben");
    again.resume = Some(token);
    assert_eq!(reason(s.try_join(again)), Some(Reason::Removed));
}

#[test]
fn hands_have_an_order_and_hosts_lower_them() {
    let mut s = Script::new();
    let (anna, ben, carl) = (s.host("Anna"), s.join("Ben"), s.join("Carl"));
    s.act(carl, Act::RaiseHand(true)).unwrap();
    s.act(ben, Act::RaiseHand(true)).unwrap();
    s.act(carl, Act::RaiseHand(true)).unwrap();
    assert_eq!(hands(&s), [carl, ben], "again does not mean later");
    assert_eq!(reason(s.act(ben, Act::LowerHand { participant: carl })), Some(Reason::Forbidden));
    s.act(anna, Act::LowerHand { participant: carl }).unwrap();
    s.act(carl, Act::RaiseHand(true)).unwrap();
    assert_eq!(hands(&s), [ben, carl]);
    s.forget();
    s.act(ben, Act::RaiseHand(false)).unwrap();
    assert_eq!((hands(&s), s.told(anna)), (vec![carl], vec![News::Changed(ben)]));
}

#[test]
fn hosts_mute_all_ask_and_stop_shares() {
    let mut s = Script::new();
    let (anna, ben, carl) = (s.host("Anna"), s.join("Ben"), s.join("Carl"));
    s.forget();
    s.act(anna, Act::MuteAll).unwrap();
    let loud: Vec<_> = s.room.members().iter().filter(|m| m.media.microphone).map(|m| m.id).collect();
    assert_eq!(loud, [anna]);
    assert!(s.told(ben).contains(&News::Muted) && !s.told(anna).contains(&News::Muted));
    s.act(anna, Act::AskToUnmute { participant: ben }).unwrap();
    assert!(s.told(ben).contains(&News::UnmuteAsked));
    assert!(!s.room.member(ben).unwrap().muted_by_host && !s.room.member(ben).unwrap().media.microphone);
    s.act(anna, Act::StopShare { participant: carl }).unwrap();
    assert!(s.told(carl).contains(&News::ShareStopped));
    assert!(!s.room.member(carl).unwrap().media.screen);
    for act in [Act::MuteAll, Act::AskToUnmute { participant: carl }, Act::StopShare { participant: carl }] {
        assert_eq!(reason(s.act(ben, act)), Some(Reason::Forbidden));
    }
}

#[test]
fn the_rules_hold_for_guests() {
    let strict = Rules { guests_share: false, join_muted: true, recording: false, names_shown: false };
    let mut s = Script::with(|settings| settings.rules = strict);
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    assert_eq!(s.room.member(anna).unwrap().media, ALL_ON);
    let media = s.room.member(ben).unwrap().media;
    assert!(media.camera && !media.microphone && !media.screen && !media.screen_sound);
    s.forget();
    s.act(ben, Act::Media(ALL_ON)).unwrap();
    let media = s.room.member(ben).unwrap().media;
    assert!(media.microphone && !media.screen, "they may speak, not share");
    assert!(s.told(ben).contains(&News::ShareStopped));
    let output = s.output();
    let record = Act::StartRecording { output, layout: None, wish: Default::default(), tracks: false };
    assert_eq!(reason(s.act(anna, record.clone())), Some(Reason::Conflict));
    s.act(anna, rules(Rules::default())).unwrap();
    assert!(s.act(anna, record).is_ok());
    s.act(ben, Act::Media(ALL_ON)).unwrap();
    assert!(s.room.member(ben).unwrap().media.screen);
    s.act(anna, rules(strict)).unwrap();
    assert!(!s.room.member(ben).unwrap().media.screen, "it ends at once");
    s.act(anna, Act::SetRole { participant: ben, role: Role::Host }).unwrap();
    s.act(ben, Act::Media(ALL_ON)).unwrap();
    assert!(s.room.member(ben).unwrap().media.screen);
}
