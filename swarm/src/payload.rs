//! Frames as RTP payloads: VP8 (RFC 7741) with 15-bit picture ids, Opus (RFC 6716, RFC 7587) with room for a stamp.

use crate::stamp;

/// The most bytes of one VP8 frame in a packet: with SRTP, extensions and IPv6 still below 1,280.
const FRAGMENT: usize = 1100;

/// A VP8 frame cut for the wire; descriptor and stamp are added when it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Decodable by itself.
    pub(crate) key: bool,
    /// In the order of sending.
    pub(crate) fragments: Vec<Vec<u8>>,
}

impl Frame {
    /// Cuts a frame into pieces of about the same size.
    pub(crate) fn cut(frame: &[u8]) -> Self {
        // The first bit of a frame is 0 in a key frame (RFC 6386 section 9.1).
        let key = frame.first().is_some_and(|first| first & 1 == 0);
        let size = frame.len().div_ceil(frame.len().div_ceil(FRAGMENT).max(1)).max(1);
        Self { key, fragments: frame.chunks(size).map(<[u8]>::to_vec).collect() }
    }
}

/// The descriptor before a fragment: the start of a frame or not, and a picture id of 15 bits.
pub(crate) fn vp8_descriptor(first: bool, picture: u16) -> [u8; 4] {
    let [high, low] = (picture | 0x8000).to_be_bytes();
    [if first { 0x90 } else { 0x80 }, 0x80, high, low]
}

/// What a received VP8 payload is of its frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vp8Part {
    /// It begins a frame.
    pub(crate) start: bool,
    /// It begins a key frame.
    pub(crate) key: bool,
}

/// Reads a descriptor; none when it is cut short.
pub(crate) fn vp8_part(payload: &[u8]) -> Option<Vp8Part> {
    let first = *payload.first()?;
    let mut at = 1;
    if first & 0x80 != 0 {
        let extended = *payload.get(at)?;
        at += 1;
        if extended & 0x80 != 0 {
            at += if payload.get(at)? & 0x80 != 0 { 2 } else { 1 };
        }
        at += usize::from(extended & 0x40 != 0) + usize::from(extended & 0x30 != 0);
    }
    let start = first & 0x10 != 0 && first & 0x07 == 0;
    Some(Vp8Part { start, key: start && payload.get(at)? & 1 == 0 })
}

/// An Opus packet of one frame, written with padding as long as a stamp (RFC 6716 section 3.2.5); the padding itself is still
/// missing. None when it is not of one frame.
pub(crate) fn opus_with_room(packet: &[u8]) -> Option<Vec<u8>> {
    let (toc, frame) = packet.split_first()?;
    if toc & 3 != 0 {
        return None;
    }
    let mut padded = vec![toc | 3, 0x41, stamp::LEN as u8];
    padded.extend(frame);
    Some(padded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_are_of_one_size_and_say_where_a_frame_begins() {
        let frame = Frame::cut(&[0; 2300]);
        assert!(frame.key);
        assert_eq!(frame.fragments.iter().map(Vec::len).collect::<Vec<_>>(), [767, 767, 766]);
        assert!(!Frame::cut(&[1, 2]).key);
        for (first, byte, expected) in [(true, 0, (true, true)), (true, 1, (true, false)), (false, 0, (false, false))] {
            let mut payload = vp8_descriptor(first, 0x1234).to_vec();
            payload.push(byte);
            assert_eq!(vp8_part(&payload).map(|part| (part.start, part.key)), Some(expected));
        }
    }

    #[test]
    fn descriptors_of_other_senders_are_read() {
        let start = Vp8Part { start: true, key: true };
        assert_eq!(vp8_part(&[0x10, 0]), Some(start), "without extension");
        assert_eq!(vp8_part(&[0x90, 0x80, 5, 0]), Some(start), "a picture id of 7 bits");
        assert_eq!(vp8_part(&[0x90, 0xe0, 0x80, 1, 9, 0x20, 0]), Some(start), "TL0PICIDX and TID");
        assert_eq!(vp8_part(&[0x90, 0x80]), None);
        assert_eq!(vp8_part(&[]), None);
    }

    #[test]
    fn opus_gets_room_only_when_it_is_one_frame() {
        assert_eq!(opus_with_room(&[0xf8, 1, 2]), Some(vec![0xfb, 0x41, 20, 1, 2]));
        assert_eq!(opus_with_room(&[0xf9, 1, 2]), None);
        assert_eq!(opus_with_room(&[]), None);
    }
}
