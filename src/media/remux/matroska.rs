//! As much of Matroska (RFC 9559) as it takes to tell how long a file is whose writer was killed: the time of its last block.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

const SEGMENT: u64 = 0x1853_8067;
const CLUSTER: u64 = 0x1f43_b675;
const BLOCK_GROUP: u64 = 0xa0;
const SIMPLE_BLOCK: u64 = 0xa3;
const BLOCK: u64 = 0xa1;
const TIMESTAMP: u64 = 0xe7;

/// Seconds from zero to the last whole block's beginning; the timestamps are milliseconds, as our muxer writes them.
/// `None`: it is no Matroska, or holds nothing.
pub fn matroska_seconds(path: &Path) -> Option<f64> {
    let file = File::open(path).ok()?;
    let length = file.metadata().ok()?.len();
    let mut reader = BufReader::with_capacity(4096, file);
    let (mut at, mut cluster, mut last) = (0_u64, 0_i64, None);
    while let Ok((id, size, head)) = element(&mut reader) {
        at += head;
        match id {
            // Their children follow: gone into, not over. What is being written has no size yet.
            SEGMENT | CLUSTER | BLOCK_GROUP => continue,
            _ => {}
        }
        let Some(end) = size.and_then(|size| at.checked_add(size)).filter(|end| *end <= length) else { break };
        let mut body = [0; 8];
        let wanted = (end - at).min(8) as usize;
        if reader.read_exact(&mut body[..wanted]).is_err() {
            break;
        }
        match id {
            TIMESTAMP => cluster = body[..wanted].iter().fold(0, |n, byte| n << 8 | i64::from(*byte)),
            // One track: its number takes one byte.
            SIMPLE_BLOCK | BLOCK => last = Some(cluster + i64::from(i16::from_be_bytes([body[1], body[2]]))),
            _ => {}
        }
        at = end;
        if reader.seek(SeekFrom::Start(at)).is_err() {
            break;
        }
    }
    last.map(|milliseconds| milliseconds.max(0) as f64 / 1000.0)
}

/// Id, size (unless unknown) and length of an element's header.
fn element(reader: &mut impl Read) -> io::Result<(u64, Option<u64>, u64)> {
    let (id, id_long) = number(reader, false)?;
    let (size, size_long) = number(reader, true)?;
    let unknown = size == (1 << (7 * size_long)) - 1;
    Ok((id, (!unknown).then_some(size), id_long + size_long))
}

/// A variable-size integer (RFC 8794, section 4), with or without its marker, and how many bytes it took.
fn number(reader: &mut impl Read, plain: bool) -> io::Result<(u64, u64)> {
    let mut first = [0];
    reader.read_exact(&mut first)?;
    let more = first[0].leading_zeros();
    if more > 7 {
        return Err(super::boxes::bad("no EBML"));
    }
    let mask = if plain { 0xff_u8.checked_shr(more + 1).unwrap_or(0) } else { 0xff };
    let mut value = u64::from(first[0] & mask);
    for _ in 0..more {
        let mut byte = [0];
        reader.read_exact(&mut byte)?;
        value = value << 8 | u64::from(byte[0]);
    }
    Ok((value, u64::from(more) + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_block_tells_the_length() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut bytes = vec![0x1a, 0x45, 0xdf, 0xa3, 0x81, 0];
        bytes.extend([0x18, 0x53, 0x80, 0x67, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
        for (cluster, block) in [(0_u16, 20_i16), (1500, -20)] {
            bytes.extend([0x1f, 0x43, 0xb6, 0x75, 0xff, 0xe7, 0x82]);
            bytes.extend(cluster.to_be_bytes());
            bytes.extend([0xa3, 0x86, 0x81]);
            bytes.extend(block.to_be_bytes());
            bytes.extend([0x80, 1, 2]);
        }
        let seconds = |bytes: &[u8]| {
            std::fs::write(file.path(), bytes).unwrap();
            matroska_seconds(file.path())
        };
        assert_eq!(seconds(&bytes), Some(1.48));
        assert_eq!(seconds(&bytes[..bytes.len() - 1]), Some(0.02), "the last block is not whole");
        assert_eq!(seconds(&bytes[..20]), None);
        assert_eq!(seconds(b"no such thing"), None);
        for cut in 0..bytes.len() {
            seconds(&bytes[..cut]);
        }
    }
}
