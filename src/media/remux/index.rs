//! Writes the index (`moov`) of an ordinary MP4 from what was read of a fragmented one (ISO/IEC 14496-12, 8.2 to 8.7).

use super::boxes::{children, number};
use super::fragments::{Movie, Track};

/// A box with this body.
pub(super) fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 8);
    out.extend((body.len() as u32 + 8).to_be_bytes());
    out.extend(kind);
    out.extend(body);
    out
}

/// The whole `moov` box. `place` gives a byte of the fragmented file its place in the new one.
pub(super) fn moov(movie: &Movie, place: &dyn Fn(u64) -> u64) -> Option<Vec<u8>> {
    let (_, mvhd) = children(&movie.header).find(|(kind, _)| kind == b"mvhd")?;
    let scale = timescale(mvhd)?;
    let (mut body, mut longest) = (Vec::new(), 0);
    for (kind, trak) in children(&movie.header) {
        match &kind {
            b"trak" => {
                if let Some((trak, end)) = track(movie, trak, scale, place) {
                    longest = longest.max(end);
                    body.extend(trak);
                }
            }
            b"mvhd" | b"mvex" => {}
            other => body.extend(boxed(other, trak)),
        }
    }
    let mut whole = boxed(b"mvhd", &with_duration(mvhd, 16, longest));
    whole.extend(body);
    Some(boxed(b"moov", &whole))
}

/// One `trak` box, and when it ends in the movie's timescale. `None`: it has no samples, or none that are known.
fn track(movie: &Movie, trak: &[u8], scale: u32, place: &dyn Fn(u64) -> u64) -> Option<(Vec<u8>, u64)> {
    let (_, tkhd) = children(trak).find(|(kind, _)| kind == b"tkhd")?;
    let (_, mdia) = children(trak).find(|(kind, _)| kind == b"mdia")?;
    let (_, mdhd) = children(mdia).find(|(kind, _)| kind == b"mdhd")?;
    let id_at = if tkhd.first()? == &1 { 20 } else { 12 };
    let id = number(tkhd.get(id_at..id_at + 4)?);
    let track = movie.tracks.iter().find(|track| track.id == id && !track.samples.is_empty())?;
    let own = u64::from(timescale(mdhd)?.max(1));
    let in_movie = |units: u64| (u128::from(units) * u128::from(scale) / u128::from(own)) as u64;
    // A recording begins at zero; a track that began later is shown later, by an empty edit.
    let late = in_movie(track.start);
    let long = in_movie(track.end - track.start);

    let mut body = boxed(b"tkhd", &with_duration(tkhd, 20, late + long));
    if late > 0 {
        body.extend(boxed(b"edts", &edits(late, long)));
    }
    for (kind, child) in children(trak) {
        match &kind {
            b"tkhd" | b"edts" => {}
            b"mdia" => body.extend(boxed(b"mdia", &media(mdia, track, place))),
            other => body.extend(boxed(other, child)),
        }
    }
    Some((boxed(b"trak", &body), late + long))
}

/// How long it all is.
pub(super) fn seconds(movie: &Movie) -> f64 {
    let length = |trak: &[u8]| {
        let (_, tkhd) = children(trak).find(|(kind, _)| kind == b"tkhd")?;
        let (_, mdia) = children(trak).find(|(kind, _)| kind == b"mdia")?;
        let (_, mdhd) = children(mdia).find(|(kind, _)| kind == b"mdhd")?;
        let at = if tkhd.first()? == &1 { 20 } else { 12 };
        let id = number(tkhd.get(at..at + 4)?);
        let track = movie.tracks.iter().find(|track| track.id == id)?;
        Some(track.end as f64 / f64::from(timescale(mdhd)?.max(1)))
    };
    let traks = children(&movie.header).filter(|(kind, _)| kind == b"trak");
    traks.filter_map(|(_, trak)| length(trak)).fold(0.0, f64::max)
}

fn edits(late: u64, long: u64) -> Vec<u8> {
    let mut elst = vec![1, 0, 0, 0, 0, 0, 0, 2];
    for (duration, from) in [(late, -1_i64), (long, 0)] {
        elst.extend(duration.to_be_bytes());
        elst.extend(from.to_be_bytes());
        elst.extend([0, 1, 0, 0]);
    }
    boxed(b"elst", &elst)
}

fn media(mdia: &[u8], track: &Track, place: &dyn Fn(u64) -> u64) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, child) in children(mdia) {
        body.extend(match &kind {
            b"mdhd" => boxed(&kind, &with_duration(child, 16, track.end - track.start)),
            b"minf" => boxed(&kind, &media(child, track, place)),
            b"stbl" => boxed(&kind, &table(child, track, place)),
            other => boxed(other, child),
        });
    }
    body
}

/// The body of `stbl`: the description as it was, the tables new.
fn table(stbl: &[u8], track: &Track, place: &dyn Fn(u64) -> u64) -> Vec<u8> {
    let mut body = Vec::new();
    for (_, stsd) in children(stbl).filter(|(kind, _)| kind == b"stsd") {
        body.extend(boxed(b"stsd", stsd));
    }
    let samples = &track.samples;
    body.extend(runs(b"stts", 0, samples.iter().map(|sample| sample.duration)));
    if samples.iter().any(|sample| sample.offset != 0) {
        body.extend(runs(b"ctts", 1, samples.iter().map(|sample| sample.offset as u32)));
    }
    if samples.iter().any(|sample| !sample.sync) {
        let keys = (1_u32..).zip(samples).filter(|(_, sample)| sample.sync).map(|(number, _)| number);
        body.extend(list(b"stss", keys.map(|key| vec![key])));
    }
    let mut before = 0;
    let changes = (1_u32..).zip(&track.chunks).filter_map(|(number, chunk)| {
        let changed = chunk.samples != before;
        before = chunk.samples;
        changed.then(|| vec![number, chunk.samples, 1])
    });
    body.extend(list(b"stsc", changes));
    let mut stsz = vec![0; 8];
    stsz.extend((samples.len() as u32).to_be_bytes());
    stsz.extend(samples.iter().flat_map(|sample| sample.size.to_be_bytes()));
    body.extend(boxed(b"stsz", &stsz));
    let places = track.chunks.iter().map(|chunk| place(chunk.at));
    body.extend(list(b"co64", places.map(|at| vec![(at >> 32) as u32, at as u32])));
    body
}

/// A table of entries, each some words.
fn list(kind: &[u8; 4], entries: impl Iterator<Item = Vec<u32>>) -> Vec<u8> {
    let (mut body, mut count) = (vec![0; 8], 0_u32);
    for entry in entries {
        body.extend(entry.into_iter().flat_map(u32::to_be_bytes));
        count += 1;
    }
    body[4..8].copy_from_slice(&count.to_be_bytes());
    boxed(kind, &body)
}

/// A table that says how often each value follows.
fn runs(kind: &[u8; 4], version: u8, values: impl Iterator<Item = u32>) -> Vec<u8> {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for value in values {
        match runs.last_mut() {
            Some((count, last)) if *last == value => *count += 1,
            _ => runs.push((1, value)),
        }
    }
    let mut out = list(kind, runs.into_iter().map(|(count, value)| vec![count, value]));
    out[8] = version;
    out
}

fn timescale(header: &[u8]) -> Option<u32> {
    let at = if header.first()? == &1 { 20 } else { 12 };
    header.get(at..at + 4).map(number)
}

/// A header box's body with another duration; `short` is its place in version 0 (later by 8 in version 1).
fn with_duration(header: &[u8], short: usize, duration: u64) -> Vec<u8> {
    let mut out = header.to_vec();
    if out.first() == Some(&1) {
        if let Some(place) = out.get_mut(short + 8..short + 16) {
            place.copy_from_slice(&duration.to_be_bytes());
        }
    } else if let Some(place) = out.get_mut(short..short + 4) {
        place.copy_from_slice(&u32::try_from(duration).unwrap_or(u32::MAX).to_be_bytes());
    }
    out
}
