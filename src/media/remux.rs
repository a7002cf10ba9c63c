//! From the fragments of a recording to an ordinary fast-start MP4, in this process, without encoding and at the speed of
//! copying: hours of it fit into the seconds that a shutdown has. Used when a recording stops and, for those that a
//! crash left, at the next start.

mod boxes;
mod fragments;
mod index;
mod matroska;

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use nix::sys::statvfs::statvfs;

use super::problem::Problem;

pub use self::matroska::matroska_seconds;

/// A file that is done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finished {
    /// Its size.
    pub bytes: u64,
    /// Its length in seconds.
    pub duration: f64,
}

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
    let made = if has_room_for_copy(partial) { remux(partial, &new) } else { Err(io::ErrorKind::StorageFull.into()) };
    let done = match made {
        Ok(samples) => verify(&new, Some(samples)),
        Err(error) if is_full(&error) => {
            let _ = fs::remove_file(&new);
            return salvage(partial, finished).map_err(|error| Problem::new(error.to_string()));
        }
        Err(error) => Err(Problem::new(error.to_string())),
    };
    let done = done.inspect_err(|_| drop(fs::remove_file(&new)))?;
    let io = |error: std::io::Error| Problem::new(error.to_string());
    fs::rename(&new, finished).map_err(io)?;
    if let Some(folder) = finished.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        // The new name must be on the disk before the old data goes.
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    }
    remove(partial)?;
    Ok(done)
}

/// Space that a copy leaves to everything else on the disk.
const LEFT_OVER: u64 = 16 << 20;

/// A copy that would fill the disk would take the recordings along that still run there.
fn has_room_for_copy(partial: &Path) -> bool {
    let Ok(size) = fs::metadata(partial).map(|metadata| metadata.len()) else { return true };
    match statvfs(partial) {
        Ok(disk) => disk.blocks_available() * disk.fragment_size() >= size + LEFT_OVER,
        Err(_) => true,
    }
}

fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Without space for a copy the fragmented file itself is what is kept, cut after its last whole fragment: it plays, only
/// not everywhere from its middle before it is loaded.
fn salvage(partial: &Path, finished: &Path) -> io::Result<Finished> {
    let movie = fragments::read(&mut File::open(partial)?)?;
    let end = movie.data.last().map_or(0, |(at, length)| at + length);
    if movie.tracks.iter().all(|track| track.samples.is_empty()) {
        return Err(boxes::bad("nothing was recorded"));
    }
    let file = File::options().write(true).open(partial)?;
    file.set_len(end)?;
    file.sync_all()?;
    fs::rename(partial, finished)?;
    Ok(Finished { bytes: end, duration: index::seconds(&movie) })
}

fn remove(path: &Path) -> Result<(), Problem> {
    fs::remove_file(path).map_err(|error| Problem::new(error.to_string()))
}

fn suffixed(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Writes the ordinary file: the index first, then the fragments' data as it is. Returns how many samples there are, to
/// compare with the file. Nothing is decoded or parsed below the sample, so this is as fast as copying.
fn remux(from: &Path, to: &Path) -> io::Result<u64> {
    let mut source = File::open(from)?;
    let movie = fragments::read(&mut source)?;
    let samples = movie.tracks.iter().map(|track| track.samples.len() as u64).sum();
    if samples == 0 {
        return Err(boxes::bad("nothing was recorded"));
    }
    let brands = index::boxed(b"ftyp", b"isom\0\0\x02\0isomiso2avc1mp41");
    let unreadable = || boxes::bad("the recording's header is broken");
    // Offsets have a fixed size: the index is as long with the right ones.
    let length = index::moov(&movie, &|at| at).ok_or_else(unreadable)?.len();
    let data_at = (brands.len() + length + 16) as u64;
    let places = places(&movie.data, data_at);
    let moov = index::moov(&movie, &|at| place(&places, at)).ok_or_else(unreadable)?;
    let bytes: u64 = movie.data.iter().map(|(_, length)| length).sum();

    let mut target = File::create(to)?;
    target.write_all(&brands)?;
    target.write_all(&moov)?;
    target.write_all(&[0, 0, 0, 1])?;
    target.write_all(b"mdat")?;
    target.write_all(&(bytes + 16).to_be_bytes())?;
    for (at, length) in &movie.data {
        source.seek(SeekFrom::Start(*at))?;
        let copied = io::copy(&mut (&source).take(*length), &mut target)?;
        if copied != *length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    target.sync_all()?;
    Ok(samples)
}

/// For each stretch of data its old start and its new one, when all are put together from `data_at`.
fn places(data: &[(u64, u64)], data_at: u64) -> Vec<(u64, u64)> {
    let mut next = data_at;
    let place = |(start, length): &(u64, u64)| {
        let moved = (*start, next);
        next += length;
        moved
    };
    data.iter().map(place).collect()
}

/// The new place of a byte. Stretches are in the file's order.
fn place(places: &[(u64, u64)], at: u64) -> u64 {
    let next = places.partition_point(|(start, _)| *start <= at);
    places[..next].last().map_or(at, |(start, moved)| moved + (at - start))
}

/// That the file can be played from its start: index first, all samples, all bytes.
fn verify(path: &Path, samples: Option<u64>) -> Result<Finished, Problem> {
    let layout = boxes::read(path).map_err(|error| Problem::new(error.to_string()))?;
    if !layout.index_first || layout.fragmented {
        return Err(Problem::new("the finished file is not in fast-start order"));
    }
    if layout.samples == 0 {
        return Err(Problem::new("nothing was recorded"));
    }
    if let Some(expected) = samples.filter(|expected| layout.samples != *expected) {
        return Err(Problem::new(format!("the finished file has {} samples of {expected}", layout.samples)));
    }
    Ok(Finished { bytes: layout.bytes, duration: layout.duration })
}
