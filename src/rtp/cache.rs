//! The last packets of a published stream, stored once for all its viewers: plaintext payloads in one ring of bytes.

/// Packets remembered; a late packet further back than this is of no use to anybody.
pub(crate) const PACKETS: usize = 512;
/// Bytes remembered: about 0.8 s at 2.5 Mbit/s.
const BYTES: usize = 256 * 1024;

/// A remembered packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cached<'a> {
    pub(crate) timestamp: u32,
    pub(crate) marker: bool,
    pub(crate) payload: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    sequence: u64,
    timestamp: u32,
    marker: bool,
    length: u16,
    /// Place in the endless stream of bytes of which the ring holds the end.
    position: u64,
}

/// See the module. Memory is taken with the first packet.
pub(crate) struct Cache {
    entries: Vec<Option<Entry>>,
    bytes: Vec<u8>,
    written: u64,
    highest: u64,
}

impl Cache {
    pub(crate) fn new() -> Cache {
        Cache { entries: Vec::new(), bytes: Vec::new(), written: 0, highest: 0 }
    }

    /// Remembers a packet; false if it is known already or too old.
    pub(crate) fn insert(&mut self, sequence: u64, timestamp: u32, marker: bool, payload: &[u8]) -> bool {
        if self.entries.is_empty() {
            self.entries = vec![None; PACKETS];
            self.bytes = vec![0; BYTES];
            self.highest = sequence;
        }
        if self.highest >= sequence.saturating_add(PACKETS as u64) || payload.len() > usize::from(u16::MAX) {
            return false;
        }
        let place = &mut self.entries[sequence as usize % PACKETS];
        if place.is_some_and(|entry| entry.sequence == sequence) {
            return false;
        }
        let mut start = self.written as usize % BYTES;
        if start + payload.len() > BYTES {
            self.written += (BYTES - start) as u64;
            start = 0;
        }
        self.bytes[start..start + payload.len()].copy_from_slice(payload);
        let length = payload.len() as u16;
        *place = Some(Entry { sequence, timestamp, marker, length, position: self.written });
        self.written += u64::from(length);
        self.highest = self.highest.max(sequence);
        true
    }

    /// The packet with that number, if it is still here.
    pub(crate) fn get(&self, sequence: u64) -> Option<Cached<'_>> {
        let entry = self.entries.get(sequence as usize % PACKETS)?.as_ref()?;
        if entry.sequence != sequence || self.written - entry.position > BYTES as u64 {
            return None;
        }
        let start = entry.position as usize % BYTES;
        let payload = &self.bytes[start..start + usize::from(entry.length)];
        Some(Cached { timestamp: entry.timestamp, marker: entry.marker, payload })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_back_once_each() {
        let mut cache = Cache::new();
        assert_eq!(cache.get(0), None);
        assert!(cache.insert(70_000, 1, true, b"one"));
        assert!(cache.insert(70_002, 3, false, b"three"));
        assert!(cache.insert(70_001, 2, false, b"two"), "late");
        assert!(!cache.insert(70_001, 2, false, b"two"), "twice");
        assert_eq!(cache.get(70_001), Some(Cached { timestamp: 2, marker: false, payload: b"two" }));
        assert_eq!(cache.get(70_003), None);
        assert!(!cache.insert(70_002 - PACKETS as u64, 0, false, b"old"));
    }

    #[test]
    fn overwritten_bytes_are_not_handed_out() {
        let mut cache = Cache::new();
        let payload = |n: u64| vec![n as u8; 1201];
        for n in 0..1000 {
            assert!(cache.insert(n, n as u32, false, &payload(n)));
        }
        let known: Vec<u64> = (0..1000).filter(|&n| cache.get(n).is_some()).collect();
        assert_eq!(known.len(), BYTES / 1201, "as many as fit, the newest");
        assert_eq!(known.last(), Some(&999));
        assert!(known.iter().all(|&n| cache.get(n).unwrap().payload == payload(n)));
    }
}
