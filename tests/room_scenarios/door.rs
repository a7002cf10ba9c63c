//! Coming, waiting, coming back, leaving.

use veranda::domain::error::Reason;
use veranda::domain::participant::Join;
use veranda::domain::room::{Act, Effect, Input, News, Parting};
use veranda::domain::words::{ParticipantKind, Role};

use crate::script::{Script, reason, seconds};

#[test]
fn whoever_comes_is_welcomed_and_everybody_else_is_told() {
    let mut s = Script::new();
    let anna = s.join("  Anna ");
    assert_eq!(s.told(anna), [News::Welcome(anna)]);
    assert_eq!(s.room.member(anna).unwrap().name, "Anna");
    let ben = s.join("Ben");
    assert_eq!((s.told(ben), s.told(anna)), (vec![News::Welcome(ben)], vec![News::Joined(ben)]));
    assert!(s.act(ben, Act::Leave).is_ok());
    assert_eq!(s.told(anna), [News::Left(ben)]);
    assert_eq!(s.closed, [(s.connection(ben), Parting::Left)]);
    assert_eq!(reason(s.act(ben, Act::Leave)), Some(Reason::Gone));
}

#[test]
fn a_bad_name_is_refused() {
    let mut s = Script::new();
    for name in ["", " \u{200b} ", "a\u{202e}b", &"x".repeat(61)] {
        let join = s.guest(name);
        assert_eq!(reason(s.try_join(join)), Some(Reason::OutOfRange), "{name:?}");
    }
    assert!(s.room.members().is_empty());
}

#[test]
fn a_full_room_takes_nobody_and_a_locked_one_only_hosts() {
    let mut s = Script::with(|settings| (settings.max_participants, settings.locked) = (2, true));
    let guest = s.guest("Guest");
    assert_eq!(reason(s.try_join(guest)), Some(Reason::Locked));
    s.host("Anna");
    s.host("Ben");
    let mut third = s.guest("Third");
    third.host = true;
    assert_eq!(reason(s.try_join(third)), Some(Reason::RoomFull));
}

#[test]
fn in_a_room_with_a_lobby_a_host_lets_people_in() {
    let mut s = Script::with(|settings| settings.lobby = true);
    let ben = s.join("Ben");
    assert_eq!((s.told(ben), s.room.members().len()), (vec![News::Waiting], 0), "no host is there: Ben waits");
    let anna = s.host("Anna");
    assert_eq!(s.told(anna), [News::Welcome(anna), News::Invitation, News::WaitingList]);
    assert_eq!(s.room.waiting().collect::<Vec<_>>(), [(ben, "Ben")]);
    assert_eq!(reason(s.act(ben, Act::Media(Default::default()))), Some(Reason::Conflict), "not yet in");

    assert!(s.act(anna, Act::Admit { participant: ben, admitted: true }).is_ok());
    assert_eq!(s.told(ben), [News::Welcome(ben)]);
    assert_eq!(s.told(anna), [News::Joined(ben), News::WaitingList]);

    let eve = s.join("Eve");
    assert_eq!((s.told(anna), s.told(ben)), (vec![News::WaitingList], vec![]), "guests do not hear of it");
    assert!(s.act(anna, Act::Admit { participant: eve, admitted: false }).is_ok());
    assert_eq!(s.closed, [(s.connection(eve), Parting::Refused)]);
    let again = Act::Admit { participant: eve, admitted: true };
    assert_eq!(reason(s.act(anna, again)), Some(Reason::NotFound));
}

#[test]
fn who_waits_and_goes_away_is_forgotten() {
    let mut s = Script::with(|settings| settings.lobby = true);
    let anna = s.host("Anna");
    let (ben, cleo) = (s.join("Ben"), s.join("Cleo"));
    s.forget();
    s.input(Input::Disconnected(s.connection(ben)));
    assert!(s.act(cleo, Act::Leave).is_ok());
    assert_eq!((s.told(anna), s.room.waiting().count()), (vec![News::WaitingList; 2], 0));
}

#[test]
fn publishers_and_viewers_of_the_standard_doors_do_not_wait() {
    let mut s = Script::with(|settings| settings.lobby = true);
    for kind in [ParticipantKind::Whip, ParticipantKind::Whep] {
        let mut join = s.guest("Camera");
        join.kind = kind;
        assert_eq!(reason(s.try_join(join)), Some(Reason::NotAdmitted));
        let mut join = s.guest("Camera");
        (join.kind, join.host) = (kind, true);
        assert!(s.try_join(join).is_ok());
    }
}

#[test]
fn ending_the_lobby_lets_in_everybody_who_fits() {
    let mut s = Script::with(|settings| (settings.lobby, settings.max_participants) = (true, 2));
    let anna = s.host("Anna");
    let (ben, cleo) = (s.join("Ben"), s.join("Cleo"));
    s.forget();
    let open =
        Act::ChangeRoom { name: None, activity: None, locked: None, lobby: Some(false), layout: None, rules: None };
    assert!(s.act(anna, open).is_ok());
    assert_eq!(s.told(ben), [News::Welcome(ben)]);
    assert_eq!(s.room.waiting().collect::<Vec<_>>(), [(cleo, "Cleo")]);
    assert_eq!(reason(s.act(anna, Act::Admit { participant: cleo, admitted: true })), Some(Reason::RoomFull));
}

#[test]
fn a_place_is_kept_for_thirty_seconds() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    s.forget();
    let old = s.connection(anna);
    s.input(Input::Disconnected(old));
    assert_eq!(s.told(ben), [News::Changed(anna)]);
    assert_eq!(s.room.member(anna).unwrap().connection, None);

    s.wait(seconds(29));
    let mut back = s.guest("Anna");
    back.resume = Some(s.token(anna));
    assert_eq!(s.try_join(back), Ok(anna), "the same id");
    assert_eq!(s.room.member(anna).unwrap().role, Role::Host, "the same role, without the host token");
    assert_eq!(s.told(ben), [News::Changed(anna)]);
    s.input(Input::Disconnected(old));
    s.wait(seconds(60));
    assert!(s.room.member(anna).is_some(), "the end of the old line means nothing any more");

    s.input(Input::Disconnected(s.connection(anna)));
    s.wait(seconds(30));
    assert_eq!(s.room.member(anna).map(|member| member.id), None);
    let mut late = s.guest("Anna");
    late.resume = Some(s.token(anna));
    assert_ne!(s.try_join(late), Ok(anna), "too late: somebody new");
}

#[test]
fn a_second_connection_replaces_the_first_even_in_a_full_and_locked_room() {
    let mut s = Script::with(|settings| (settings.max_participants, settings.locked) = (2, true));
    let anna = s.host("Anna");
    s.host("Ben");
    let first = s.connection(anna);
    let mut again = s.guest("Anna on the phone");
    again.resume = Some(s.token(anna));
    assert_eq!(s.try_join(again), Ok(anna));
    assert_eq!(s.closed, [(first, Parting::Replaced)]);
    assert_eq!(s.room.member(anna).unwrap().name, "Anna on the phone");
}

#[test]
fn a_host_whose_browser_crashed_comes_back_by_the_host_link_to_the_same_place() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    let host = |s: &mut Script, name: &str| {
        let join = Join { host: true, ..s.guest(name) };
        s.try_join(join).unwrap()
    };
    assert_ne!(host(&mut s, "Anna"), anna, "one who is there keeps her place");
    s.input(Input::Disconnected(s.connection(anna)));
    s.input(Input::Disconnected(s.connection(ben)));
    assert_ne!(s.join("Anna"), anna, "a name alone proves nothing");
    assert_ne!(host(&mut s, "Ben"), ben, "a guest's place is not taken");
    assert_ne!(host(&mut s, "Cleo"), anna, "nor another's");
    assert_eq!(host(&mut s, " Anna "), anna);
    assert!(s.room.member(anna).unwrap().connection.is_some());
}

#[test]
fn a_removed_session_stays_out() {
    let mut s = Script::new();
    let (anna, ben) = (s.host("Anna"), s.join("Ben"));
    s.forget();
    assert!(s.act(anna, Act::Remove { participant: ben }).is_ok());
    assert_eq!(s.closed, [(s.connection(ben), Parting::Removed)]);
    assert_eq!(s.told(anna), [News::Left(ben)]);
    let mut back = s.guest("Ben");
    back.resume = Some(s.token(ben));
    assert_eq!(reason(s.try_join(back)), Some(Reason::Removed));
}

#[test]
fn ending_the_room_ends_it_for_all() {
    let mut s = Script::with(|settings| settings.lobby = true);
    let anna = s.host("Anna");
    let ben = s.join("Ben");
    s.forget();
    assert!(s.act(anna, Act::EndRoom).is_ok());
    let mut gone = s.closed.clone();
    gone.sort_by_key(|(connection, _)| *connection);
    assert_eq!(gone, [(s.connection(anna), Parting::Ended), (s.connection(ben), Parting::Ended)]);
    assert_eq!((s.others(), s.told(anna)), (vec![Effect::Ended], vec![]));
    assert!(s.room.is_over() && !s.room.needs_media());
    let late = s.guest("Cleo");
    assert_eq!(reason(s.try_join(late)), Some(Reason::Gone));
    assert_eq!(reason(s.api(Act::Participants)), Some(Reason::Gone));
}

#[test]
fn when_the_server_stops_everybody_is_told_and_the_room_stays_kept() {
    let mut s = Script::new();
    let anna = s.join("Anna");
    s.input(Input::Shutdown);
    assert_eq!(s.closed, [(s.connection(anna), Parting::Shutdown)]);
    assert!(s.room.is_over());
    assert_eq!(s.others(), []);
    let late = s.guest("Ben");
    assert_eq!(reason(s.try_join(late)), Some(Reason::Unavailable));
}
