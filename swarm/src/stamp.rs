//! What the swarm writes into its packets to know them again at the other end: 20 bytes at the end of a payload, where no
//! decoder looks (VP8: after the last partition; Opus: padding, RFC 6716 section 3.2.5).

use std::time::{SystemTime, UNIX_EPOCH};

/// Bytes of a stamp.
pub(crate) const LEN: usize = 20;
const MAGIC: [u8; 5] = *b"VSwm1";

/// Who sent something, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Whose.
    pub(crate) person: u16,
    /// Simulcast layer, smallest first; 0 for sound.
    pub(crate) layer: u8,
    /// Counts the frames of this person's layer, or their sounds.
    pub(crate) number: u32,
    /// Nanoseconds since 1970, by the system's clock as the kernel stamps received datagrams with it.
    pub(crate) sent: u64,
}

impl Stamp {
    /// As bytes.
    pub(crate) fn write(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..5].copy_from_slice(&MAGIC);
        bytes[5..7].copy_from_slice(&self.person.to_be_bytes());
        bytes[7] = self.layer;
        bytes[8..12].copy_from_slice(&self.number.to_be_bytes());
        bytes[12..].copy_from_slice(&self.sent.to_be_bytes());
        bytes
    }

    /// The stamp at the end of a payload, when there is one.
    pub(crate) fn read(payload: &[u8]) -> Option<Self> {
        let bytes: &[u8; LEN] = payload.last_chunk()?;
        let (magic, rest) = bytes.split_first_chunk::<5>()?;
        let (person, rest) = rest.split_first_chunk::<2>()?;
        let (layer, rest) = rest.split_first()?;
        let (number, sent) = rest.split_first_chunk::<4>()?;
        (*magic == MAGIC).then_some(Self {
            person: u16::from_be_bytes(*person),
            layer: *layer,
            number: u32::from_be_bytes(*number),
            sent: u64::from_be_bytes(*sent.first_chunk()?),
        })
    }
}

/// Now, as a stamp has it.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_from_the_end_of_a_payload() {
        let stamp = Stamp { person: 513, layer: 2, number: 70_000, sent: 1_795_000_000_123_456_789 };
        let mut payload = vec![7; 31];
        payload.extend(stamp.write());
        assert_eq!(Stamp::read(&payload), Some(stamp));
        payload.push(0);
        assert_eq!(Stamp::read(&payload), None);
        assert_eq!(Stamp::read(&[1, 2, 3]), None);
    }
}
