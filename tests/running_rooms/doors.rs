//! Making, finding and joining rooms.

use veranda::domain::error::Reason;
use veranda::domain::words::{Activity, Role};
use veranda::protocol::server::ServerMessage;
use veranda::rooms::api::{Action, Caller, Outcome};

use crate::fakes::{BASE, House, goodbye, guest, hear, hear_until, join};

#[tokio::test(start_paused = true)]
async fn a_room_is_made_found_and_kept() {
    let house = House::new();
    let made = house.create(|new| new.activity = Some(Activity::Family)).await.record;
    assert_eq!((made.invitation.len(), made.host_token.len()), (22, 22), "128 bits each");
    for key in [made.invitation.clone(), made.id.to_string()] {
        assert_eq!(house.rooms.find(&key).await.unwrap().state().record, made);
    }
    assert_eq!(house.store.rooms.lock().unwrap()[&made.id], made);
    for unknown in ["", "x", "r1", &"x".repeat(10_000)] {
        assert_eq!(house.rooms.find(unknown).await.unwrap_err().reason, Reason::NotFound);
    }
    let again = House::with(house.store.clone());
    assert_eq!(again.rooms.find(&made.invitation).await.unwrap().state().record, made, "after a restart");
}

#[tokio::test(start_paused = true)]
async fn bad_settings_name_their_field() {
    let house = House::new();
    for (name, max) in [(Some("x".repeat(81)), None), (Some(" ".into()), None), (None, Some(1)), (None, Some(51))] {
        let field = if name.is_some() { "name" } else { "max_participants" };
        let new = veranda::rooms::api::NewRoom {
            name,
            activity: None,
            max_participants: max,
            locked: false,
            lobby: false,
            layout: None,
            rules: None,
        };
        let refusal = house.rooms.create(new).await.unwrap_err();
        assert_eq!(refusal.reason, Reason::OutOfRange);
        assert!(refusal.message.starts_with(field), "{refusal}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_makes_no_room() {
    let house = House::new();
    *house.store.broken.lock().unwrap() = true;
    let new = veranda::rooms::api::NewRoom {
        name: None,
        activity: None,
        max_participants: None,
        locked: false,
        lobby: false,
        layout: None,
        rules: None,
    };
    assert_eq!(house.rooms.create(new).await.unwrap_err().reason, Reason::Unavailable);
}

#[tokio::test(start_paused = true)]
async fn the_welcome_tells_everything() {
    let house = House::new();
    let room = house.room().await;
    join(&room, "Anna").await;
    let mut request = guest("Ben");
    request.host = true;
    let mut ben = room.join(request).await.unwrap();
    let ServerMessage::Welcome { protocol, you, role, room: view, participants, slots, .. } = hear(&mut ben).await
    else {
        panic!("no welcome")
    };
    assert_eq!((protocol, you, role), (1, ben.participant.to_string(), Role::Host));
    assert_eq!((view.id, view.name.as_str()), (room.id().to_string(), "Lunch"));
    let people: Vec<_> = participants.iter().map(|person| (person.name.as_str(), person.connected)).collect();
    assert_eq!(people, [("Anna", false), ("Ben", true)], "Anna's line was dropped: her place is kept");
    assert!(slots.audio > 0 && slots.video > 0);
    let invitation = room.state().record.invitation;
    let url = format!("{BASE}/r/{invitation}");
    assert_eq!(hear(&mut ben).await, ServerMessage::Invitation { invitation, url });
    assert_eq!(room.state().participants, 2);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_line_keeps_the_place_for_thirty_seconds() {
    let house = House::new();
    let room = house.room().await;
    let mut anna = join(&room, "Anna").await;
    let ben = join(&room, "Ben").await;
    let id = ben.participant.to_string();
    drop(ben);
    let away = |message: &ServerMessage| match message {
        ServerMessage::ParticipantChanged { participant } => Some((participant.id.clone(), participant.connected)),
        _ => None,
    };
    assert_eq!(hear_until(&mut anna, away).await, (id.clone(), false));
    let before = tokio::time::Instant::now();
    let left = |message: &ServerMessage| match message {
        ServerMessage::ParticipantLeft { participant } => Some(participant.clone()),
        _ => None,
    };
    assert_eq!(hear_until(&mut anna, left).await, id);
    assert_eq!(before.elapsed().as_secs(), 30);
    assert_eq!(room.state().participants, 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_invitation_ends_the_old() {
    let house = House::new();
    let room = house.room().await;
    let old = room.state().record.invitation;
    let Ok(Outcome::Room(state)) = room.act(Caller::Host, Action::RenewInvitation).await else { panic!("no room") };
    let new = state.record.invitation;
    assert_ne!(old, new);
    assert_eq!(state.record.old_invitations, std::slice::from_ref(&old));
    assert_eq!(house.rooms.find(&old).await.unwrap_err().reason, Reason::Gone);
    assert_eq!(house.rooms.find(&new).await.unwrap().id(), room.id());
    // The next reply comes after what was asked before was carried out; what is kept is seen after a stop.
    house.rooms.shutdown().await;
    let again = House::with(house.store.clone());
    assert_eq!(again.rooms.find(&old).await.unwrap_err().reason, Reason::Gone);
    assert!(again.rooms.find(&new).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_ended_room_is_gone() {
    let house = House::new();
    let room = house.room().await;
    let mut anna = join(&room, "Anna").await;
    let record = room.state().record;
    assert!(matches!(room.act(Caller::Host, Action::EndRoom).await, Ok(Outcome::Done)));
    assert_eq!(goodbye(&mut anna).await, "ended");
    house.rooms.shutdown().await;
    for key in [record.invitation, record.id.to_string()] {
        assert_eq!(house.rooms.find(&key).await.unwrap_err().reason, Reason::Gone);
    }
    let refused = room.join(guest("Ben")).await.unwrap_err().reason;
    assert!(matches!(refused, Reason::Gone | Reason::Unavailable), "{refused:?}");
    assert!(house.store.rooms.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_cut_off_and_the_others_go_on() {
    let house = House::new();
    let room = house.room().await;
    let mut slow = join(&room, "Slow").await;
    let mut anna = join(&room, "Anna").await;
    for number in 0..300 {
        let name = Some(format!("Room {number}"));
        let change = Action::ChangeRoom { name, activity: None, locked: None, lobby: None, layout: None, rules: None };
        room.act(Caller::Host, change).await.unwrap();
        let renamed = |message: &ServerMessage| matches!(message, ServerMessage::RoomChanged { .. }).then_some(());
        hear_until(&mut anna, renamed).await;
    }
    assert_eq!(goodbye(&mut slow).await, "slow");
    assert_eq!(room.state().participants, 2, "the place is kept");
    let mut ben = guest("Ben");
    ben.host = true;
    let mut ben = room.join(ben).await.unwrap();
    let ServerMessage::Welcome { participants, .. } = hear(&mut ben).await else { panic!("no welcome") };
    assert_eq!(participants.iter().filter(|person| person.connected).count(), 2);
}
