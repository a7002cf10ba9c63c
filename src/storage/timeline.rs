//! Who was there, spoke and shared a screen: the JSON that the API hands out as it is.

use std::fs;
use std::path::Path;

use serde::Serialize;

use super::at;
use crate::domain::timeline::{PersonTimes, Stretch};
use crate::rooms::api::{RecordingTimeline, StoreError};

/// Its name in a recording's folder.
pub(super) const NAME: &str = "timeline.json";
const TEMPORARY: &str = ".timeline.json.new";

#[derive(Serialize)]
struct File {
    recording: String,
    duration: f64,
    participants: Vec<Person>,
}

#[derive(Serialize)]
struct Person {
    id: String,
    name: String,
    present: Vec<Times>,
    spoke: Vec<Times>,
    screen: Vec<Times>,
}

/// Seconds of the recording.
#[derive(Serialize)]
struct Times {
    from: f64,
    to: f64,
}

fn person(person: &PersonTimes, duration: f64) -> Person {
    // A clock that ran on while the last frames were written must not tell of more than there is.
    let times = |stretches: &[Stretch]| {
        let cut = stretches.iter().map(|(from, to)| Times { from: *from, to: to.min(duration) });
        cut.filter(|times| times.to > times.from).collect()
    };
    Person {
        id: person.id.to_string(),
        name: person.name.clone(),
        present: times(&person.present),
        spoke: times(&person.spoke),
        screen: times(&person.screen),
    }
}

/// Written to a temporary name first. Not synced: the next one comes soon.
pub(super) fn write(folder: &Path, timeline: &RecordingTimeline) -> Result<(), StoreError> {
    let file = File {
        recording: timeline.recording.to_string(),
        duration: timeline.duration,
        participants: timeline.people.iter().map(|times| person(times, timeline.duration)).collect(),
    };
    let text = serde_json::to_vec_pretty(&file).map_err(|error| StoreError(error.to_string()))?;
    let temporary = folder.join(TEMPORARY);
    let write = || fs::write(&temporary, text).and_then(|()| fs::rename(&temporary, folder.join(NAME)));
    write().map_err(|error| at(folder, &error))
}
