//! One slot seen from the viewer's end: what arrived, what is missing, which pictures could be shown, how late everything was.
//!
//! Pure: packets and their times go in. A packet counts as lost when it has not come half a second after later ones. A freeze
//! is a pause of more than 200 ms between two pictures of the same person (the W3C's definition comes to 183 ms at 30 frames a
//! second); a change of person is a switch and never a freeze.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::payload::vp8_part;
use crate::stamp::Stamp;

/// How long a packet is waited for, in ns.
const PATIENCE: u64 = 500_000_000;
/// A pause between two pictures that is seen, in ns.
const FREEZE: u64 = 200_000_000;

/// A received packet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Packet<'a> {
    /// Extended sequence number.
    pub(crate) seq: u64,
    /// When the kernel had it, in ns since 1970.
    pub(crate) arrival: u64,
    /// Of the RTP header.
    pub(crate) marker: bool,
    /// Without the RTP header.
    pub(crate) payload: &'a [u8],
}

/// What was counted since the last [`SlotWatch::collect`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Each once.
    pub(crate) packets: u64,
    /// Of payload.
    pub(crate) bytes: u64,
    /// Never came.
    pub(crate) lost: u64,
    /// Came twice, or after they were given up.
    pub(crate) late: u64,
    /// Frames of the same person and layer that were left out, though no packet was missing.
    pub(crate) skipped: u64,
    /// Pictures that could be shown.
    pub(crate) pictures: u64,
    /// Pauses that are seen.
    pub(crate) freezes: u64,
    /// Their length, in ms.
    pub(crate) frozen: u64,
    /// Changes of person.
    pub(crate) switches: u64,
    /// Changes of layer.
    pub(crate) layer_changes: u64,
    /// From stamp to socket, in µs.
    #[serde(skip)]
    pub(crate) latencies: Vec<u32>,
}

/// A packet that waits for an earlier one.
#[derive(Debug, Clone, Copy)]
struct Part {
    arrival: u64,
    marker: bool,
    start: bool,
    key: bool,
    stamp: Option<Stamp>,
}

/// The state of one slot.
#[derive(Debug)]
pub(crate) struct SlotWatch {
    video: bool,
    next: Option<u64>,
    waiting: BTreeMap<u64, Part>,
    /// All parts of the frame so far, and whether it is a key frame.
    frame: Option<bool>,
    /// All frames since a key frame.
    unbroken: bool,
    last_picture: Option<u64>,
    last: Option<Stamp>,
    counts: Counts,
}

impl SlotWatch {
    /// A slot that nothing arrived on.
    pub(crate) fn new(video: bool) -> Self {
        Self {
            video,
            next: None,
            waiting: BTreeMap::new(),
            frame: None,
            unbroken: false,
            last_picture: None,
            last: None,
            counts: Counts::default(),
        }
    }

    /// Of pictures, not sound.
    pub(crate) fn is_video(&self) -> bool {
        self.video
    }

    /// Takes a packet in. True when it completed a picture.
    pub(crate) fn receive(&mut self, packet: Packet) -> bool {
        let next = *self.next.get_or_insert(packet.seq);
        if packet.seq < next || self.waiting.contains_key(&packet.seq) {
            self.counts.late += 1;
            return false;
        }
        let stamp = if packet.marker || !self.video { Stamp::read(packet.payload) } else { None };
        self.counts.packets += 1;
        self.counts.bytes += packet.payload.len() as u64;
        if let Some(stamp) = stamp {
            self.counts.latencies.push((packet.arrival.saturating_sub(stamp.sent) / 1000) as u32);
        }
        let part = self.video.then(|| vp8_part(packet.payload)).flatten();
        let (start, key) = part.map_or((false, false), |part| (part.start, part.key));
        self.waiting.insert(packet.seq, Part { arrival: packet.arrival, marker: packet.marker, start, key, stamp });
        self.advance(packet.arrival)
    }

    /// Takes in order what is there, and gives up what has been missing for too long.
    fn advance(&mut self, now: u64) -> bool {
        let mut picture = false;
        while let (Some(next), Some(entry)) = (self.next, self.waiting.first_entry()) {
            let ahead = entry.key() - next;
            if ahead > 0 {
                if now < entry.get().arrival + PATIENCE {
                    break;
                }
                self.counts.lost += ahead;
                self.next = Some(next + ahead);
                self.frame = None;
                self.unbroken = false;
                continue;
            }
            let part = entry.remove();
            self.next = Some(next + 1);
            self.notice(&part);
            picture |= self.video && self.assemble(&part);
        }
        picture
    }

    /// One more part of a frame, in order.
    fn assemble(&mut self, part: &Part) -> bool {
        if part.start {
            self.frame = Some(part.key);
        }
        if !part.marker {
            return false;
        }
        let Some(key) = self.frame.take() else {
            self.unbroken = false;
            return false;
        };
        self.unbroken |= key;
        if self.unbroken {
            self.show(part.arrival);
        }
        self.unbroken
    }

    fn show(&mut self, now: u64) {
        if let Some(last) = self.last_picture.replace(now) {
            let pause = now.saturating_sub(last);
            if pause > FREEZE {
                self.counts.freezes += 1;
                self.counts.frozen += pause / 1_000_000;
            }
        }
        self.counts.pictures += 1;
    }

    /// Compares a stamp with the one before. Runs before the picture is shown: a new person's first picture is no freeze.
    fn notice(&mut self, part: &Part) {
        let Some(stamp) = part.stamp else { return };
        let Some(last) = self.last.replace(stamp) else { return };
        if stamp.person != last.person {
            self.counts.switches += 1;
            self.last_picture = None;
        } else if stamp.layer != last.layer {
            self.counts.layer_changes += 1;
        } else {
            self.counts.skipped += u64::from(stamp.number.wrapping_sub(last.number).saturating_sub(1));
        }
    }

    /// What was counted since the last time.
    pub(crate) fn collect(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// Showed pictures once, and has shown none for two seconds: emptied on purpose, or broken.
    pub(crate) fn is_still(&self, now: u64) -> bool {
        self.last_picture.is_some_and(|last| now.saturating_sub(last) > 2_000_000_000)
    }
}

impl Counts {
    /// Adds another slot's.
    pub(crate) fn add(&mut self, other: Counts) {
        self.packets += other.packets;
        self.bytes += other.bytes;
        self.lost += other.lost;
        self.late += other.late;
        self.skipped += other.skipped;
        self.pictures += other.pictures;
        self.freezes += other.freezes;
        self.frozen += other.frozen;
        self.switches += other.switches;
        self.layer_changes += other.layer_changes;
        self.latencies.extend(other.latencies);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::vp8_descriptor;

    const MS: u64 = 1_000_000;

    /// A frame of two packets in a slot; the second has the stamp.
    fn frame(slot: &mut SlotWatch, seq: u64, at: u64, key: bool, stamp: Stamp) -> bool {
        let mut first = vp8_descriptor(true, 1).to_vec();
        first.push(u8::from(!key));
        let mut second = vp8_descriptor(false, 1).to_vec();
        second.extend(stamp.write());
        slot.receive(Packet { seq, arrival: at, marker: false, payload: &first });
        slot.receive(Packet { seq: seq + 1, arrival: at, marker: true, payload: &second })
    }

    fn stamp(person: u16, number: u32, sent: u64) -> Stamp {
        Stamp { person, layer: 0, number, sent }
    }

    #[test]
    fn pictures_begin_with_a_key_frame_and_latency_is_from_stamp_to_arrival() {
        let mut slot = SlotWatch::new(true);
        assert!(!frame(&mut slot, 10, 100 * MS, false, stamp(1, 0, 100 * MS)));
        assert!(frame(&mut slot, 12, 133 * MS, true, stamp(1, 1, 131 * MS)));
        assert!(frame(&mut slot, 14, 166 * MS, false, stamp(1, 2, 166 * MS)));
        let counts = slot.collect();
        assert_eq!((counts.packets, counts.lost, counts.pictures, counts.freezes), (6, 0, 2, 0));
        assert_eq!(counts.latencies, [0, 2000, 0]);
        assert_eq!(slot.collect(), Counts::default());
    }

    #[test]
    fn a_packet_that_comes_again_in_time_is_not_lost() {
        let mut slot = SlotWatch::new(false);
        for (seq, at) in [(1, 0), (3, 20), (2, 40), (2, 41)] {
            slot.receive(Packet { seq, arrival: at * MS, marker: false, payload: &[] });
        }
        let counts = slot.collect();
        assert_eq!((counts.packets, counts.lost, counts.late), (3, 0, 1));
    }

    #[test]
    fn what_never_comes_is_lost_and_breaks_the_picture_until_a_key_frame() {
        let mut slot = SlotWatch::new(true);
        frame(&mut slot, 0, 0, true, stamp(1, 0, 0));
        for (nth, at) in [40, 80, 700].into_iter().enumerate() {
            frame(&mut slot, 3 + 2 * nth as u64, at * MS, false, stamp(1, 2 + nth as u32, 0));
        }
        frame(&mut slot, 9, 740 * MS, true, stamp(1, 5, 0));
        let counts = slot.collect();
        assert_eq!((counts.lost, counts.pictures, counts.freezes, counts.frozen), (1, 2, 1, 740));
    }

    #[test]
    fn a_switch_is_no_freeze_and_left_out_frames_are_seen() {
        let mut slot = SlotWatch::new(true);
        frame(&mut slot, 0, 0, true, stamp(1, 0, 0));
        frame(&mut slot, 2, 30 * MS, false, stamp(1, 3, 0));
        frame(&mut slot, 4, 900 * MS, true, stamp(2, 77, 0));
        assert!(!slot.is_still(2000 * MS));
        assert!(slot.is_still(3000 * MS));
        let counts = slot.collect();
        assert_eq!((counts.skipped, counts.switches, counts.freezes, counts.pictures), (2, 1, 0, 3));
    }
}
