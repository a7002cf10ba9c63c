//! From the fragments of a recording to an ordinary fast-start MP4, in this process and without encoding. Used when a
//! recording stops and, for those that a crash left, at the next start.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use gst::prelude::*;

use super::problem::Problem;

mod boxes;

/// A file that is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finished {
    /// Its size.
    pub bytes: u64,
    /// Its length in seconds.
    pub duration: f64,
}

/// No progress for this long is a failure.
const STALL: gst::ClockTime = gst::ClockTime::from_seconds(20);

/// mp4mux may leave out a track's very last sample when it has no length of its own.
const TOLERANCE: u64 = 2;

/// Where a recording's data is while it runs.
pub fn partial(finished: &Path) -> PathBuf {
    suffixed(finished, ".partial")
}

/// Makes `finished` of `partial`, verifies it, and only then deletes `partial`. Safe to repeat after a crash at any
/// point: as long as `partial` is there, nothing is lost.
pub fn recover(partial: &Path, finished: &Path) -> Result<Finished, Problem> {
    if !partial.exists() {
        return verify(finished, None);
    }
    if let Ok(already) = verify(finished, None) {
        // The crash came between the rename and the deletion.
        remove(partial)?;
        return Ok(already);
    }
    let new = suffixed(finished, ".new");
    let media = suffixed(finished, ".media");
    let made = remux(partial, &new, &media).and_then(|samples| verify(&new, Some(samples)));
    let _ = fs::remove_file(&media);
    let done = match made {
        Ok(done) => done,
        Err(problem) => {
            let _ = fs::remove_file(&new);
            return Err(problem);
        }
    };
    let io = |error: std::io::Error| Problem::new(error.to_string());
    File::open(&new).and_then(|file| file.sync_all()).map_err(io)?;
    fs::rename(&new, finished).map_err(io)?;
    if let Some(folder) = finished.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // The new name must be on the disk before the old data goes.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    }
    remove(partial)?;
    Ok(done)
}

fn remove(path: &Path) -> Result<(), Problem> {
    fs::remove_file(path).map_err(|error| Problem::new(error.to_string()))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Copies the tracks. Returns how many samples went through, to compare with the file.
fn remux(from: &Path, to: &Path, media: &Path) -> Result<u64, Problem> {
    let launch = "filesrc name=from ! qtdemux name=demux \
        demux.video_0 ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=10000000000 ! h264parse name=picture ! mux. \
        demux.audio_0 ! queue max-size-buffers=0 max-size-bytes=0 max-size-time=10000000000 ! aacparse name=sound ! mux. \
        mp4mux name=mux faststart=true ! filesink name=to";
    let pipeline = gst::parse::launch(launch).map_err(|error| Problem::new(error.message()))?;
    let pipeline = pipeline.downcast::<gst::Pipeline>().map_err(|_| Problem::new("is not a whole pipeline"))?;
    let set = |name: &str, property: &str, value: &Path| {
        if let Some(element) = pipeline.by_name(name) {
            element.set_property_from_str(property, &value.to_string_lossy());
        }
    };
    set("from", "location", from);
    set("to", "location", to);
    set("mux", "faststart-file", media);
    let samples = Arc::new(AtomicU64::new(0));
    for parser in ["picture", "sound"] {
        if let Some(pad) = pipeline.by_name(parser).and_then(|parser| parser.static_pad("src")) {
            let samples = samples.clone();
            pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
                samples.fetch_add(1, Ordering::Relaxed);
                gst::PadProbeReturn::Ok
            });
        }
    }
    let ran = pipeline.set_state(gst::State::Playing).map_err(|_| Problem::new("the fragments can't be read"));
    let ran = ran.and_then(|_| wait(&pipeline, &samples));
    let _ = pipeline.set_state(gst::State::Null);
    ran.map(|()| samples.load(Ordering::Relaxed))
}

/// Until the end of the stream, as long as something moves.
fn wait(pipeline: &gst::Pipeline, samples: &AtomicU64) -> Result<(), Problem> {
    let bus = pipeline.bus().ok_or_else(|| Problem::new("no bus"))?;
    let mut before = u64::MAX;
    loop {
        match bus.timed_pop_filtered(STALL, &[gst::MessageType::Eos, gst::MessageType::Error]) {
            Some(message) => match message.view() {
                gst::MessageView::Error(error) => return Err(Problem::new(error.error().message())),
                _ => return Ok(()),
            },
            None => {
                let now = samples.load(Ordering::Relaxed);
                if now == before {
                    return Err(Problem::new("finishing the recording hangs"));
                }
                before = now;
            }
        }
    }
}

/// That the file can be played from its start: index first, all samples (nearly), all bytes.
fn verify(path: &Path, samples: Option<u64>) -> Result<Finished, Problem> {
    let layout = boxes::read(path).map_err(|error| Problem::new(error.to_string()))?;
    if !layout.index_first || layout.fragmented {
        return Err(Problem::new("the finished file is not in fast-start order"));
    }
    if layout.samples == 0 {
        return Err(Problem::new("nothing was recorded"));
    }
    if let Some(expected) = samples.filter(|expected| layout.samples + TOLERANCE < *expected) {
        return Err(Problem::new(format!("the finished file has {} samples of {expected}", layout.samples)));
    }
    Ok(Finished { bytes: layout.bytes, duration: layout.duration })
}
