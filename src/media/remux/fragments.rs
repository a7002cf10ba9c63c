//! Reads a fragmented MP4 (ISO/IEC 14496-12, 8.8) as far as it is whole: samples and where their bytes are.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use super::boxes::{bad, children, number, parse_header};

/// One sample of a track.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Sample {
    /// In the track's timescale.
    pub(super) duration: u32,
    /// Bytes.
    pub(super) size: u32,
    /// Shown this much after it is decoded.
    pub(super) offset: i32,
    /// A key frame.
    pub(super) sync: bool,
}

/// A run of samples whose bytes follow each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Chunk {
    /// Where it begins in the fragmented file.
    pub(super) at: u64,
    /// How many samples.
    pub(super) samples: u32,
}

/// One track's samples.
#[derive(Debug, Clone, Default)]
pub(super) struct Track {
    /// `track_ID`
    pub(super) id: u32,
    /// Decode time of the first sample, in the track's timescale.
    pub(super) start: u64,
    /// Decode time after the last sample.
    pub(super) end: u64,
    /// In order of decoding.
    pub(super) samples: Vec<Sample>,
    /// In the same order.
    pub(super) chunks: Vec<Chunk>,
}

/// All that a fragmented file holds.
#[derive(Debug, Clone, Default)]
pub(super) struct Movie {
    /// The body of `moov`.
    pub(super) header: Vec<u8>,
    /// Tracks with samples or without.
    pub(super) tracks: Vec<Track>,
    /// The bodies of the `mdat` boxes: start and length.
    pub(super) data: Vec<(u64, u64)>,
}

/// More than the index of any fragment, or the header.
const MOST: u64 = 64 << 20;

/// One `traf` before its data was seen to be whole.
struct Run {
    track: u32,
    start: Option<u64>,
    chunk: Chunk,
    samples: Vec<Sample>,
}

/// Reads until the end or the first box that is not whole.
pub(super) fn read(file: &mut File) -> io::Result<Movie> {
    let length = file.metadata()?.len();
    let (mut movie, mut at, mut pending) = (Movie::default(), 0, Vec::new());
    while at < length {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; 16];
        let got = file.by_ref().take(16).read(&mut header)?;
        // A crash cuts the last fragment anywhere: what is before it is good.
        let Some((kind, size, head)) = parse_header(&header[..got], length - at) else { break };
        if matches!(&kind, b"moov" | b"moof") {
            if size > MOST {
                return Err(bad("a header out of all proportion"));
            }
            let mut body = vec![0; (size - head) as usize];
            file.seek(SeekFrom::Start(at + head))?;
            file.read_exact(&mut body)?;
            if &kind == b"moov" {
                movie.tracks = tracks_of(&body);
                movie.header = body;
            } else {
                pending = runs_of(&body, at, &movie.header);
            }
        } else if &kind == b"mdat" {
            movie.data.push((at + head, size - head));
            let whole = at..at + size;
            for run in std::mem::take(&mut pending) {
                movie.commit(run, &whole);
            }
        }
        at += size;
    }
    Ok(movie)
}

impl Movie {
    fn commit(&mut self, run: Run, within: &std::ops::Range<u64>) {
        let bytes: u64 = run.samples.iter().map(|sample| u64::from(sample.size)).sum();
        let Some(track) = self.tracks.iter_mut().find(|track| track.id == run.track) else { return };
        if run.samples.is_empty() || !within.contains(&run.chunk.at) || run.chunk.at + bytes > within.end {
            return;
        }
        if let Some(start) = run.start {
            match track.samples.last_mut() {
                None => track.start = start,
                // A gap before this fragment lengthens the sample before it.
                Some(last) => {
                    let longer = u64::from(last.duration) + start.saturating_sub(track.end);
                    last.duration = u32::try_from(longer).unwrap_or(u32::MAX);
                }
            }
            track.end = track.end.max(start);
        }
        track.end += run.samples.iter().map(|sample| u64::from(sample.duration)).sum::<u64>();
        track.chunks.push(run.chunk);
        track.samples.extend(run.samples);
    }
}

fn tracks_of(moov: &[u8]) -> Vec<Track> {
    let ids = children(moov).filter(|(kind, _)| kind == b"trak").filter_map(|(_, trak)| {
        let (_, tkhd) = children(trak).find(|(kind, _)| kind == b"tkhd")?;
        let at = if tkhd.first()? == &1 { 20 } else { 12 };
        Some(number(tkhd.get(at..at + 4)?))
    });
    ids.map(|id| Track { id, ..Track::default() }).collect()
}

/// Reads big-endian words one after the other.
struct Words<'a>(&'a [u8]);

impl Words<'_> {
    fn next(&mut self) -> Option<u32> {
        let (word, rest) = self.0.split_at_checked(4)?;
        self.0 = rest;
        Some(number(word))
    }

    fn next_if(&mut self, there: bool) -> Option<Option<u32>> {
        if there { self.next().map(Some) } else { Some(None) }
    }

    fn next_long(&mut self) -> Option<u64> {
        Some(u64::from(self.next()?) << 32 | u64::from(self.next()?))
    }
}

/// What samples have that don't say otherwise.
#[derive(Clone, Copy, Default)]
struct Defaults {
    duration: u32,
    size: u32,
    flags: u32,
}

fn runs_of(moof: &[u8], moof_at: u64, moov: &[u8]) -> Vec<Run> {
    let mut runs = Vec::new();
    for (_, traf) in children(moof).filter(|(kind, _)| kind == b"traf") {
        let Some((track, base, defaults)) = fragment_header(traf, moof_at, moov) else { continue };
        let mut start = children(traf).find(|(kind, _)| kind == b"tfdt").and_then(|(_, tfdt)| {
            let mut words = Words(tfdt);
            if words.next()? >> 24 == 1 { words.next_long() } else { words.next().map(u64::from) }
        });
        for (_, trun) in children(traf).filter(|(kind, _)| kind == b"trun") {
            if let Some((chunk, samples)) = run(trun, base, defaults) {
                runs.push(Run { track, start: start.take(), chunk, samples });
            }
        }
    }
    runs
}

fn fragment_header(traf: &[u8], moof_at: u64, moov: &[u8]) -> Option<(u32, u64, Defaults)> {
    let (_, tfhd) = children(traf).find(|(kind, _)| kind == b"tfhd")?;
    let mut words = Words(tfhd);
    let (flags, track) = (words.next()?, words.next()?);
    let base = if flags & 0x1 != 0 { words.next_long()? } else { moof_at };
    words.next_if(flags & 0x2 != 0)?;
    let usual = usual_defaults(moov, track).unwrap_or_default();
    let defaults = Defaults {
        duration: words.next_if(flags & 0x8 != 0)?.unwrap_or(usual.duration),
        size: words.next_if(flags & 0x10 != 0)?.unwrap_or(usual.size),
        flags: words.next_if(flags & 0x20 != 0)?.unwrap_or(usual.flags),
    };
    Some((track, base, defaults))
}

/// From `mvex`/`trex`.
fn usual_defaults(moov: &[u8], track: u32) -> Option<Defaults> {
    let (_, mvex) = children(moov).find(|(kind, _)| kind == b"mvex")?;
    children(mvex).filter(|(kind, _)| kind == b"trex").find_map(|(_, trex)| {
        let mut words = Words(trex.get(4..)?);
        let of = words.next()?;
        words.next()?;
        let defaults = Defaults { duration: words.next()?, size: words.next()?, flags: words.next()? };
        (of == track).then_some(defaults)
    })
}

fn run(trun: &[u8], base: u64, defaults: Defaults) -> Option<(Chunk, Vec<Sample>)> {
    /// `sample_is_non_sync_sample`
    const NON_SYNC: u32 = 0x1_0000;
    let mut words = Words(trun);
    let (flags, count) = (words.next()?, words.next()?);
    let from = words.next_if(flags & 0x1 != 0)?.unwrap_or(0) as i32;
    let first_flags = words.next_if(flags & 0x4 != 0)?;
    let mut samples = Vec::new();
    for index in 0..count {
        let duration = words.next_if(flags & 0x100 != 0)?.unwrap_or(defaults.duration);
        let size = words.next_if(flags & 0x200 != 0)?.unwrap_or(defaults.size);
        let own = words.next_if(flags & 0x400 != 0)?;
        let offset = words.next_if(flags & 0x800 != 0)?.unwrap_or(0) as i32;
        let first = first_flags.filter(|_| index == 0);
        let sync = own.or(first).unwrap_or(defaults.flags) & NON_SYNC == 0;
        samples.push(Sample { duration, size, offset, sync });
        // Without anything per sample a count from a broken file could be four billion.
        if flags & 0xf00 == 0 && samples.len() > 1_000_000 {
            return None;
        }
    }
    Some((Chunk { at: base.checked_add_signed(i64::from(from))?, samples: count }, samples))
}
