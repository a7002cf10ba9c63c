//! As much of ISO/IEC 14496-12 as it takes to trust an MP4: its order, its length, its number of samples.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Layout {
    /// All bytes; every top-level box ends within them.
    pub(super) bytes: u64,
    /// `moov` comes before `mdat`.
    pub(super) index_first: bool,
    /// Has `moof` boxes.
    pub(super) fragmented: bool,
    /// Of all tracks, from `stsz`.
    pub(super) samples: u64,
    /// Seconds, from `mvhd`.
    pub(super) duration: f64,
}

/// The boxes in a body: kind and body of each, until one that is not whole.
pub(super) fn children(mut data: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (kind, size, head) = parse_header(data, data.len() as u64)?;
        let (this, rest) = data.split_at(size as usize);
        data = rest;
        Some((kind, &this[head as usize..]))
    })
}

/// More than any index of a day's recording.
const MOST_INDEX: u64 = 512 << 20;

/// An error about the file's contents.
pub(super) fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// Reads the order of the boxes and the index.
pub(super) fn read(path: &Path) -> io::Result<Layout> {
    let mut file = File::open(path)?;
    let mut layout = Layout { bytes: file.metadata()?.len(), ..Layout::default() };
    let (mut at, mut index_seen) = (0, false);
    while at < layout.bytes {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; 16];
        let got = file.by_ref().take(16).read(&mut header)?;
        let (kind, size, head) = parse_header(&header[..got], layout.bytes - at).ok_or_else(|| bad("a cut-off box"))?;
        match &kind {
            b"moov" => {
                if size > MOST_INDEX {
                    return Err(bad("an index out of all proportion"));
                }
                let mut index = vec![0; (size - head) as usize];
                file.seek(SeekFrom::Start(at + head))?;
                file.read_exact(&mut index)?;
                read_index(&index, &mut layout);
                index_seen = true;
            }
            b"mdat" if index_seen => layout.index_first = true,
            b"mdat" => return Ok(layout),
            b"moof" => layout.fragmented = true,
            _ => {}
        }
        at += size;
    }
    Ok(layout)
}

/// Kind, whole size and size of the header of a box with `room` bytes left for it.
pub(super) fn parse_header(header: &[u8], room: u64) -> Option<([u8; 4], u64, u64)> {
    let short = u32::from_be_bytes(header.get(..4)?.try_into().ok()?);
    let kind = header.get(4..8)?.try_into().ok()?;
    let (size, head) = match short {
        0 => (room, 8),
        1 => (u64::from_be_bytes(header.get(8..16)?.try_into().ok()?), 16),
        short => (u64::from(short), 8),
    };
    (size >= head && size <= room).then_some((kind, size, head))
}

/// Walks `moov` down to the sample counts.
fn read_index(data: &[u8], layout: &mut Layout) {
    for (kind, body) in children(data) {
        match &kind {
            b"trak" | b"mdia" | b"minf" | b"stbl" => read_index(body, layout),
            b"mvhd" => layout.duration = duration(body).unwrap_or(0.0),
            b"stsz" => layout.samples += body.get(8..12).map_or(0, |n| u64::from(number(n))),
            _ => {}
        }
    }
}

/// A big-endian number.
pub(super) fn number(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |n, byte| n << 8 | u32::from(*byte))
}

/// Seconds from the body of `mvhd`.
fn duration(body: &[u8]) -> Option<f64> {
    let (timescale, units) = if body.first()? == &1 {
        let long = u64::from_be_bytes(body.get(24..32)?.try_into().ok()?);
        (number(body.get(20..24)?), long)
    } else {
        (number(body.get(12..16)?), u64::from(number(body.get(16..20)?)))
    };
    (timescale > 0).then(|| units as f64 / f64::from(timescale))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
        let mut out = (body.len() as u32 + 8).to_be_bytes().to_vec();
        out.extend(kind);
        out.extend(body);
        out
    }

    fn sample_file(index_first: bool) -> Vec<u8> {
        let mut mvhd = vec![0; 100];
        mvhd[12..16].copy_from_slice(&1000_u32.to_be_bytes());
        mvhd[16..20].copy_from_slice(&2500_u32.to_be_bytes());
        let mut stsz = vec![0; 12];
        stsz[8..].copy_from_slice(&7_u32.to_be_bytes());
        let trak = boxed(b"trak", &boxed(b"mdia", &boxed(b"minf", &boxed(b"stbl", &boxed(b"stsz", &stsz)))));
        let moov = boxed(b"moov", &[boxed(b"mvhd", &mvhd), trak].concat());
        let (ftyp, mdat) = (boxed(b"ftyp", b"isom"), boxed(b"mdat", &[1; 30]));
        if index_first { [ftyp, moov, mdat].concat() } else { [ftyp, mdat, moov].concat() }
    }

    fn layout_of(bytes: &[u8]) -> io::Result<Layout> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), bytes)?;
        read(file.path())
    }

    #[test]
    fn an_ordinary_file_is_understood() {
        let layout = layout_of(&sample_file(true)).unwrap();
        assert!(layout.index_first && !layout.fragmented);
        assert_eq!((layout.samples, layout.duration), (7, 2.5));
        assert!(!layout_of(&sample_file(false)).unwrap().index_first);
    }

    #[test]
    fn a_cut_file_is_refused_wherever_it_is_cut() {
        let whole = sample_file(true);
        let ftyp = 12;
        for length in 1..whole.len() {
            let ok = layout_of(&whole[..length]).is_ok_and(|layout| layout.index_first);
            assert!(!ok, "cut at {length} after {ftyp}");
        }
    }
}
