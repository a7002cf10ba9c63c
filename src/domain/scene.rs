//! What the mix shows and lets hear, from who is in the room.

use super::canvas::Canvas;
use super::ids::{ParticipantId, Source, TrackId};
use super::layout::{self, Item, STRIP};
use super::media::{More, Scene, Tile};
use super::speaker::Speakers;
use super::words::Layout;

/// More tiles than these are not drawn: each costs a decoder.
const MAX_TILES: usize = 25;
/// Screens are large, so few.
const MAX_SCREENS: usize = 4;
/// So many microphones are mixed; more would be a murmur.
const MAX_VOICES: usize = 6;

/// Somebody who may be drawn and heard. Tracks are given only while on and started.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who.
    pub id: ParticipantId,
    /// Their name.
    pub name: String,
    /// Their microphone is off.
    pub muted: bool,
    /// Their face.
    pub camera: Option<TrackId>,
    /// What they share.
    pub screen: Option<TrackId>,
    /// Their voice.
    pub microphone: Option<TrackId>,
    /// The sound of what they share.
    pub screen_sound: Option<TrackId>,
}

/// What the picture is made after.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// The room's name.
    pub title: &'a str,
    /// What it is drawn on.
    pub canvas: Canvas,
    /// As a host chose.
    pub layout: Layout,
}

/// The scene for these people, given in order of arrival. Equal inputs give equal scenes, and its own scene `before`
/// changes nothing. Where all have a tile of the same size, they stand in order of arrival; else those who stay keep
/// their places, so that little moves.
pub fn compose(frame: Frame<'_>, people: &[Person], speakers: &Speakers, before: &Scene) -> Scene {
    let screens = people.iter().filter(|person| person.screen.is_some()).take(MAX_SCREENS);
    let mut tiles: Vec<Tile> = screens.map(|person| tile(person, Source::Screen, speakers)).collect();
    let screens = tiles.len();
    let strip = layout::has_strip(frame.layout, screens, people.len());
    // Without a screen the large one is a face, beside the strip.
    let places = if strip { STRIP + usize::from(screens == 0) } else { MAX_TILES - screens };
    let floor = floor(people, speakers).filter(|_| strip && screens == 0);
    let (faces, left_over) = faces(people, places, floor, speakers);
    let faces = if strip || left_over > 0 { seated(faces, before, floor) } else { faces };

    let mut items = vec![Item { screen: true, focus: false }; screens];
    items.extend(faces.iter().map(|person| Item { screen: false, focus: Some(person.id) == floor }));
    items.extend((left_over > 0).then(Item::default));
    tiles.extend(faces.iter().map(|person| tile(person, Source::Camera, speakers)));
    let mut rects = layout::arrange(frame.layout, frame.canvas.width, frame.canvas.height, &items).into_iter();
    for (tile, rect) in tiles.iter_mut().zip(rects.by_ref()) {
        tile.rect = rect;
    }
    let more = rects.next().map(|rect| More { count: left_over, rect });
    let voices = voices(people, speakers);
    Scene { canvas: frame.canvas, title: frame.title.to_owned(), tiles, more, voices }
}

/// Whose face is drawn, in order of arrival, and how many are not. Where there is no room for all: who has the floor,
/// those who speak or spoke, then those with a camera, then who came first.
fn faces<'a>(
    people: &'a [Person],
    places: usize,
    floor: Option<ParticipantId>,
    speakers: &Speakers,
) -> (Vec<&'a Person>, usize) {
    if people.len() <= places {
        return (people.iter().collect(), 0);
    }
    let mut order: Vec<usize> = (0..people.len()).collect();
    order.sort_by_key(|&at| {
        let person = &people[at];
        (Some(person.id) != floor, speakers.rank(person.id), person.camera.is_none(), at)
    });
    // The last place tells how many more there are.
    order.truncate(places - 1);
    order.sort_unstable();
    (order.into_iter().map(|at| &people[at]).collect(), people.len() + 1 - places)
}

/// Those who were drawn keep their order, newcomers take the places of those who went, and who has the floor changes
/// places with who had it: the first.
fn seated<'a>(faces: Vec<&'a Person>, before: &Scene, floor: Option<ParticipantId>) -> Vec<&'a Person> {
    let sat = before.tiles.iter().filter(|tile| tile.source == Source::Camera).map(|tile| tile.participant);
    let sat: Vec<ParticipantId> = sat.collect();
    let mut newcomers = faces.iter().copied().filter(|person| !sat.contains(&person.id));
    let seat = |id: &ParticipantId| faces.iter().copied().find(|person| person.id == *id).or_else(|| newcomers.next());
    let mut seats: Vec<&Person> = sat.iter().filter_map(seat).collect();
    seats.extend(newcomers);
    if let Some(at) = seats.iter().position(|person| Some(person.id) == floor) {
        seats.swap(0, at);
    }
    seats
}

/// Who is drawn large where one is: who has the floor, else the first face.
fn floor(people: &[Person], speakers: &Speakers) -> Option<ParticipantId> {
    let holder = speakers.dominant().filter(|dominant| people.iter().any(|person| person.id == *dominant));
    let face = || people.iter().find(|person| person.camera.is_some()).or(people.first()).map(|person| person.id);
    holder.or_else(face)
}

fn tile(person: &Person, source: Source, speakers: &Speakers) -> Tile {
    let is_screen = source == Source::Screen;
    Tile {
        participant: person.id,
        source,
        picture: if is_screen { person.screen } else { person.camera },
        name: person.name.clone(),
        muted: person.muted && !is_screen,
        speaking: !is_screen && !person.muted && speakers.is_speaking(person.id),
        crop: !is_screen,
        rect: Default::default(),
    }
}

/// The loudest microphones and the sound of every drawn screen, in order of arrival.
fn voices(people: &[Person], speakers: &Speakers) -> Vec<TrackId> {
    let mut order: Vec<usize> = (0..people.len()).filter(|&at| people[at].microphone.is_some()).collect();
    order.sort_by_key(|&at| (speakers.rank(people[at].id), at));
    order.truncate(MAX_VOICES);
    order.sort_unstable();
    let microphones = order.into_iter().filter_map(|at| people[at].microphone);
    let drawn = people.iter().filter(|person| person.screen.is_some()).take(MAX_SCREENS);
    microphones.chain(drawn.filter_map(|person| person.screen_sound)).collect()
}
