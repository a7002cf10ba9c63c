//! RTP headers (RFC 3550 section 5.1) and one-byte header extensions (RFC 8285), read in place and written in one pass.

/// The fixed part of an RTP header.
pub(crate) const HEADER: usize = 12;
/// No datagram that is sent is longer than this; the scratch buffers are this long.
pub(crate) const MAX_DATAGRAM: usize = 2048;

/// An RTP packet's header, with the places of its parts in the buffer it was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Marker bit.
    pub(crate) marker: bool,
    /// Payload type, 0..=127.
    pub(crate) payload_type: u8,
    /// Sequence number.
    pub(crate) sequence: u16,
    /// RTP timestamp.
    pub(crate) timestamp: u32,
    /// Synchronisation source.
    pub(crate) ssrc: u32,
    /// The padding bit: the last byte of the payload counts the padding.
    pub(crate) padding: bool,
    /// Where the payload starts (after CSRCs and the extension).
    pub(crate) payload: usize,
    /// Start and end of the one-byte extension elements; empty without them.
    extension: (usize, usize),
}

impl Header {
    /// Reads the header; `None` if it is not RTP or does not fit into `packet`.
    pub(crate) fn parse(packet: &[u8]) -> Option<Header> {
        let fixed: &[u8; HEADER] = packet.first_chunk()?;
        if fixed[0] >> 6 != 2 {
            return None;
        }
        let mut end = HEADER + 4 * usize::from(fixed[0] & 0x0f);
        let mut extension = (end, end);
        if fixed[0] & 0x10 != 0 {
            let head = packet.get(end..end + 4)?;
            let words = usize::from(u16::from_be_bytes([head[2], head[3]]));
            let start = end + 4;
            end = start + 4 * words;
            // Only one-byte elements are negotiated (no a=extmap-allow-mixed); others are skipped whole.
            extension = if head[..2] == [0xbe, 0xde] { (start, end) } else { (end, end) };
        }
        if end > packet.len() {
            return None;
        }
        Some(Header {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            padding: fixed[0] & 0x20 != 0,
            payload: end,
            extension,
        })
    }

    /// Where the payload ends in the plaintext `packet` once padding is taken off; `None` if the padding is a lie.
    pub(crate) fn payload_end(&self, packet: &[u8]) -> Option<usize> {
        if !self.padding {
            return Some(packet.len());
        }
        let padding = usize::from(*packet.last()?);
        let end = packet.len().checked_sub(padding)?;
        (padding > 0 && end >= self.payload).then_some(end)
    }

    /// The elements of the one-byte header extension.
    pub(crate) fn elements<'a>(&self, packet: &'a [u8]) -> Elements<'a> {
        Elements(packet.get(self.extension.0..self.extension.1).unwrap_or_default())
    }
}

/// Walks `(id, data)` of a one-byte header extension; a malformed rest ends the walk.
#[derive(Debug, Clone)]
pub(crate) struct Elements<'a>(&'a [u8]);

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (&head, rest) = self.0.split_first()?;
            if head == 0 {
                self.0 = rest;
                continue;
            }
            let (id, length) = (head >> 4, usize::from(head & 0x0f) + 1);
            // An id of 0 with a length ends the walk as 15 does (RFC 8285 section 4.2).
            if matches!(id, 0 | 15) || length > rest.len() {
                self.0 = &[];
                return None;
            }
            let (data, rest) = rest.split_at(length);
            self.0 = rest;
            return Some((id, data));
        }
    }
}

/// What goes into an outgoing header.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OutHeader<'a> {
    pub(crate) marker: bool,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    /// Transport-wide sequence number and its extension id.
    pub(crate) transport_cc: Option<(u8, u16)>,
    /// `a=mid` of the section and its extension id; 1 to 16 bytes.
    pub(crate) mid: Option<(u8, &'a [u8])>,
}

impl OutHeader<'_> {
    /// Writes the header to the start of `out` and returns its length. `out` must hold 64 bytes.
    pub(crate) fn write(&self, out: &mut [u8]) -> usize {
        out[0] = 0x80;
        out[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        out[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
        if self.transport_cc.is_none() && self.mid.is_none() {
            return HEADER;
        }
        out[0] |= 0x10;
        let start = HEADER + 4;
        let mut end = start;
        if let Some((id, number)) = self.transport_cc {
            out[end] = id << 4 | 1;
            out[end + 1..end + 3].copy_from_slice(&number.to_be_bytes());
            end += 3;
        }
        if let Some((id, mid)) = self.mid {
            out[end] = id << 4 | (mid.len() as u8).wrapping_sub(1) & 0x0f;
            out[end + 1..end + 1 + mid.len()].copy_from_slice(mid);
            end += 1 + mid.len();
        }
        let words = (end - start).div_ceil(4);
        out[end..start + 4 * words].fill(0);
        out[HEADER..start].copy_from_slice(&[0xbe, 0xde, 0, words as u8]);
        start + 4 * words
    }
}

/// Whether a datagram whose first byte is 128..=191 is RTCP rather than RTP (RFC 5761 section 4).
pub(crate) fn is_rtcp(datagram: &[u8]) -> bool {
    datagram.get(1).is_some_and(|kind| (192..=223).contains(kind))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_written_header_reads_back() {
        let mut out = [0xff; 64];
        let header = OutHeader {
            marker: true,
            payload_type: 96,
            sequence: 0xfffe,
            timestamp: 7,
            ssrc: 9,
            transport_cc: Some((3, 0x1234)),
            mid: Some((4, b"video3")),
        };
        let length = header.write(&mut out);
        assert_eq!(length, 12 + 4 + 12);
        let read = Header::parse(&out[..length]).unwrap();
        assert_eq!((read.marker, read.payload_type, read.sequence), (true, 96, 0xfffe));
        assert_eq!((read.timestamp, read.ssrc, read.payload), (7, 9, length));
        let elements: Vec<_> = read.elements(&out[..length]).collect();
        assert_eq!(elements, [(3, &[0x12, 0x34][..]), (4, &b"video3"[..])]);
    }

    #[test]
    fn padding_must_fit_the_payload() {
        let mut packet = [0u8; 16];
        packet[0] = 0xa0;
        for (count, end) in [(0, None), (1, Some(15)), (4, Some(12)), (5, None), (255, None)] {
            packet[15] = count;
            assert_eq!(Header::parse(&packet).unwrap().payload_end(&packet), end, "{count}");
        }
    }

    #[test]
    fn truncated_and_foreign_packets_are_refused() {
        assert_eq!(Header::parse(&[0x80; 11]), None);
        assert_eq!(Header::parse(&[0x40; 12]), None);
        assert_eq!(Header::parse(&[0x8f; 40]), None, "15 CSRCs do not fit");
        assert_eq!(Header::parse(&[0x90; 14]), None, "no room for the extension's length");
    }

    #[test]
    fn a_broken_element_ends_the_walk() {
        let mut packet = vec![0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1, 0x10, 5, 0x2f, 1];
        let header = Header::parse(&packet).unwrap();
        assert_eq!(header.elements(&packet).collect::<Vec<_>>(), [(1, &[5][..])]);
        packet[18] = 0x01;
        let header = Header::parse(&packet).unwrap();
        assert_eq!(header.elements(&packet).collect::<Vec<_>>(), [(1, &[5][..])], "padding has no length");
        packet[12] = 0;
        let header = Header::parse(&packet).unwrap();
        assert_eq!(header.elements(&packet).count(), 0, "not one-byte elements");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read_within_their_bounds(mut packet in prop::collection::vec(any::<u8>(), 0..90), rtp in any::<bool>()) {
            if let Some(first) = packet.first_mut().filter(|_| rtp) {
                *first = 0x80 | *first & 0x3f;
            }
            let Some(header) = Header::parse(&packet) else { return Ok(()) };
            prop_assert!(header.payload <= packet.len());
            prop_assert!(header.payload_end(&packet).is_none_or(|end| (header.payload..=packet.len()).contains(&end)));
            for (id, data) in header.elements(&packet) {
                prop_assert!((1..15).contains(&id) && (1..=16).contains(&data.len()));
            }
        }
    }
}
