//! What the mix shows and lets hear, from who is in the room.

use super::ids::{ParticipantId, Source, TrackId};
use super::layout::{self, Item};
use super::media::{Scene, Tile};
use super::speaker::Speakers;
use super::words::Layout;

/// The canvas of the mix in pixels.
pub const WIDTH: u32 = 1280;
/// The canvas of the mix in pixels.
pub const HEIGHT: u32 = 720;
/// Pictures of the mix a second.
pub const FPS: u32 = 30;
/// More than these are not drawn: each costs a decoder.
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

/// The scene for these people, given in order of arrival. Equal inputs give equal scenes, and tiles keep the order of
/// arrival, so that little moves.
pub fn compose(title: &str, layout: Layout, people: &[Person], speakers: &Speakers) -> Scene {
    let screens = people.iter().filter(|person| person.screen.is_some()).take(MAX_SCREENS);
    let mut tiles: Vec<Tile> = screens.map(|person| tile(person, Source::Screen, speakers)).collect();
    let faces = chosen_faces(people, MAX_TILES - tiles.len(), speakers);
    let floor = floor(&faces, speakers);
    let mut items = vec![Item { screen: true, focus: false }; tiles.len()];
    items.extend(faces.iter().map(|person| Item { screen: false, focus: Some(person.id) == floor }));
    tiles.extend(faces.iter().map(|person| tile(person, Source::Camera, speakers)));
    for (tile, rect) in tiles.iter_mut().zip(layout::arrange(layout, WIDTH, HEIGHT, &items)) {
        tile.rect = rect;
    }
    Scene { title: title.to_owned(), tiles, voices: voices(people, speakers) }
}

/// Where there is no room for all: those who speak or spoke, then those with a camera, then who came first.
fn chosen_faces<'a>(people: &'a [Person], room: usize, speakers: &Speakers) -> Vec<&'a Person> {
    let mut order: Vec<usize> = (0..people.len()).collect();
    order.sort_by_key(|&at| (speakers.rank(people[at].id), people[at].camera.is_none(), at));
    order.truncate(room);
    order.sort_unstable();
    order.into_iter().map(|at| &people[at]).collect()
}

/// Who is drawn large where one is: who has the floor, else the first face.
fn floor(faces: &[&Person], speakers: &Speakers) -> Option<ParticipantId> {
    let holder = speakers.dominant().filter(|dominant| faces.iter().any(|person| person.id == *dominant));
    let face = || faces.iter().find(|person| person.camera.is_some()).or(faces.first()).map(|person| person.id);
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
