//! Media sessions: offers, answers, limits, and the life of the media side.

use std::time::Duration;

use veranda::domain::error::Reason;
use veranda::domain::ids::{Source, TrackId};
use veranda::domain::media::{Feed, MediaCommand, MediaEvent, PeerKind};
use veranda::domain::words::{TrackSource, ViewChoice};
use veranda::protocol::client::ViewTile;
use veranda::protocol::server::{FeedView, ServerMessage, SlotView};
use veranda::rooms::api::{Action, Caller, Membership, Outcome};
use veranda::rooms::handle::RoomHandle;

use crate::fakes::{House, Media, hear_until, join};

/// Sends an offer from a task of its own.
fn offer(room: &RoomHandle, member: &Membership) -> tokio::task::JoinHandle<Result<Outcome, Reason>> {
    let (room, caller) = (room.clone(), Caller::Member(member.participant));
    tokio::spawn(async move {
        room.act(caller, Action::Offer { sdp: "an offer".into() }).await.map_err(|refusal| refusal.reason)
    })
}

#[tokio::test(start_paused = true)]
async fn the_media_side_is_opened_by_the_first_offer_and_closed_with_the_last_person() {
    let mut house = House::new();
    let room = house.room().await;
    let anna = join(&room, "Anna").await;
    assert!(house.nothing_opened());
    let answer = offer(&room, &anna);
    let mut media = house.media().await;
    assert_eq!(media.room, room.id());
    let scene = media.commands.recv().await;
    assert!(matches!(&scene, Some(MediaCommand::Compose(scene)) if scene.tiles.len() == 1), "{scene:?}");
    let open = media.next().await;
    let Some(MediaCommand::Open { peer, participant, kind, offer }) = open else { panic!("{open:?}") };
    assert_eq!((participant, kind, offer.as_str()), (anna.participant, PeerKind::Browser, "an offer"));
    media.tell(MediaEvent::Answered { peer, sdp: "sdp".into(), slots: vec![], sources: vec![] }).await;
    assert!(matches!(answer.await.unwrap(), Ok(Outcome::Answer { sdp }) if sdp == "sdp"));

    room.act(Caller::Member(anna.participant), Action::Leave).await.unwrap();
    assert_eq!(media.next().await, Some(MediaCommand::Close { peer }), "in order");
    assert_eq!(media.next().await, None, "and then all of it");
    let ben = join(&room, "Ben").await;
    let answer = self::offer(&room, &ben);
    house.media().await.answer().await;
    assert!(answer.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_offer_nobody_answers_is_given_up_after_ten_seconds() {
    let mut house = House::new();
    let room = house.room().await;
    let anna = join(&room, "Anna").await;
    let before = tokio::time::Instant::now();
    let answer = offer(&room, &anna);
    let mut media = house.media().await;
    assert_eq!(answer.await.unwrap().unwrap_err(), Reason::Unavailable);
    assert_eq!(before.elapsed().as_secs(), 10);
    assert!(matches!(media.next().await, Some(MediaCommand::Open { .. })));
    assert!(matches!(media.next().await, Some(MediaCommand::Close { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_refused_offer_says_why() {
    let mut house = House::new();
    let room = house.room().await;
    let anna = join(&room, "Anna").await;
    let answer = offer(&room, &anna);
    let mut media = house.media().await;
    let Some(MediaCommand::Open { peer, .. }) = media.next().await else { panic!("no offer") };
    media.tell(MediaEvent::Refused { peer, problem: "no fingerprint".into() }).await;
    assert_eq!(answer.await.unwrap().unwrap_err(), Reason::BadOffer);
}

/// A member whose media flows.
async fn connect(house: &mut House, media: &mut Option<Media>, room: &RoomHandle, member: &Membership) -> TrackId {
    let answer = offer(room, member);
    if media.is_none() {
        *media = Some(house.media().await);
    }
    let media = media.as_mut().unwrap();
    let peer = media.answer().await;
    assert!(answer.await.unwrap().is_ok());
    let track = TrackId { peer, source: Source::Camera };
    media.tell(MediaEvent::Connected { peer }).await;
    media.tell(MediaEvent::TrackStarted { track }).await;
    track
}

#[tokio::test(start_paused = true)]
async fn who_is_seen_is_assigned_and_told() {
    let mut house = House::new();
    let room = house.room().await;
    let (mut anna, ben) = (join(&room, "Anna").await, join(&room, "Ben").await);
    let mut media = None;
    connect(&mut house, &mut media, &room, &anna).await;
    let camera = connect(&mut house, &mut media, &room, &ben).await;
    let slots = |message: &ServerMessage| match message {
        ServerMessage::Slots { slots } => Some(slots.clone()),
        _ => None,
    };
    let source = TrackSource::Camera;
    let feed = Some(FeedView::Track { participant: ben.participant.to_string(), source });
    assert_eq!(hear_until(&mut anna, slots).await, [SlotView { mid: "5".into(), feed }]);

    let tile = ViewTile { participant: ben.participant.to_string(), source, height: 900, pinned: false };
    let stranger = ViewTile { participant: "nobody".into(), ..tile.clone() };
    let view = Action::View { mode: ViewChoice::Tiles, tiles: vec![stranger, tile] };
    room.act(Caller::Member(anna.participant), view).await.unwrap();
    let mut media = media.unwrap();
    let height = loop {
        if let Some(MediaCommand::Assign { slots, .. }) = media.next().await
            && slots.iter().any(|slot| slot.feed == Some(Feed::Track(camera)) && slot.height == 900)
        {
            break 900;
        }
    };
    assert_eq!(height, 900);
}

#[tokio::test(start_paused = true)]
async fn when_the_media_side_dies_everybody_is_told_and_may_offer_again() {
    let mut house = House::new();
    let room = house.room().await;
    let mut anna = join(&room, "Anna").await;
    let mut media = None;
    connect(&mut house, &mut media, &room, &anna).await;
    drop(media);
    let lost = |message: &ServerMessage| matches!(message, ServerMessage::MediaLost { .. }).then_some(());
    hear_until(&mut anna, lost).await;
    let answer = offer(&room, &anna);
    house.media().await.answer().await;
    assert!(answer.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_media_side_that_does_not_read_holds_up_nobody() {
    let mut house = House::new();
    let room = house.room().await;
    let (anna, mut ben) = (join(&room, "Anna").await, join(&room, "Ben").await);
    let answer = offer(&room, &anna);
    let media = house.media().await;
    for at in 0..100 {
        room.act(Caller::Host, Action::Mute { participant: anna.participant, muted: at % 2 == 0 }).await.unwrap();
        drop(offer(&room, &anna));
        let changed =
            |message: &ServerMessage| matches!(message, ServerMessage::ParticipantChanged { .. }).then_some(());
        tokio::time::timeout(Duration::from_secs(1), hear_until(&mut ben, changed)).await.unwrap();
    }
    assert!(answer.await.unwrap().is_err());
    drop(media);
}
