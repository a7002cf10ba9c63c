//! The VP8 payload descriptor (RFC 7741 section 4.2): where pictures begin, and how their numbers are shifted so that
//! a viewer sees one stream.

/// What the first bytes of a VP8 payload say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Descriptor {
    /// Picture id, its place in the payload and whether it has 15 bits.
    pub(crate) picture: Option<(u16, usize, bool)>,
    /// TL0PICIDX and its place.
    pub(crate) tl0: Option<(u8, usize)>,
    /// The packet begins a key frame.
    pub(crate) key_frame: bool,
    /// The picture's height in pixels, on the first packet of a key frame.
    pub(crate) height: Option<u16>,
    /// The packet begins a frame.
    pub(crate) start: bool,
    /// Its temporal layer, where the stream has them.
    pub(crate) temporal: Option<Temporal>,
}

/// The place of a frame among the temporal layers: it refers to none of a higher TID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Temporal {
    /// TID, 0 to 3.
    pub(crate) tid: u8,
    /// Y: it refers to nothing but frames of TID 0, so a viewer may begin with its layer here.
    pub(crate) sync: bool,
}

/// What is added to the picture numbers of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Shift {
    /// To the picture id, modulo 2^15 (or 2^7 where the id is that short).
    pub(crate) picture: u16,
    /// To TL0PICIDX.
    pub(crate) tl0: u8,
}

impl Descriptor {
    /// Reads the descriptor; `None` if it does not fit the payload.
    pub(crate) fn parse(payload: &[u8]) -> Option<Descriptor> {
        let first = *payload.first()?;
        let mut at = 1;
        let mut descriptor = Descriptor::default();
        if first & 0x80 != 0 {
            let flags = *payload.get(at)?;
            at += 1;
            if flags & 0x80 != 0 {
                let high = *payload.get(at)?;
                if high & 0x80 != 0 {
                    let low = *payload.get(at + 1)?;
                    descriptor.picture = Some((u16::from_be_bytes([high & 0x7f, low]), at, true));
                    at += 2;
                } else {
                    descriptor.picture = Some((u16::from(high), at, false));
                    at += 1;
                }
            }
            if flags & 0x40 != 0 {
                descriptor.tl0 = Some((*payload.get(at)?, at));
                at += 1;
            }
            if flags & 0x30 != 0 {
                let byte = *payload.get(at)?;
                descriptor.temporal =
                    (flags & 0x20 != 0).then_some(Temporal { tid: byte >> 6, sync: byte & 0x20 != 0 });
                at += 1;
            }
        }
        // S set and partition 0: here starts a frame; its first bit is clear for a key frame (RFC 6386 section 9.1).
        descriptor.start = first & 0x1f == 0x10;
        if descriptor.start && payload.get(at)? & 1 == 0 {
            descriptor.key_frame = true;
            let header = payload.get(at + 3..at + 10).filter(|header| header[..3] == [0x9d, 0x01, 0x2a]);
            descriptor.height = header.map(|header| u16::from_le_bytes([header[5], header[6] & 0x3f]));
        }
        (at <= payload.len()).then_some(descriptor)
    }

    /// Whether the packet is of a temporal layer above that one.
    pub(crate) fn is_above(&self, tid: u8) -> bool {
        self.temporal.is_some_and(|temporal| temporal.tid > tid)
    }

    /// Writes the shifted numbers into `payload`, a copy of what was parsed.
    pub(crate) fn apply(&self, shift: Shift, payload: &mut [u8]) {
        match self.picture {
            Some((id, at, true)) => {
                let id = id.wrapping_add(shift.picture) | 0x8000;
                payload[at..at + 2].copy_from_slice(&id.to_be_bytes());
            }
            Some((id, at, false)) => payload[at] = id.wrapping_add(shift.picture) as u8 & 0x7f,
            None => {}
        }
        if let Some((index, at)) = self.tl0 {
            payload[at] = index.wrapping_add(shift.tl0);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A VP8 packet as libvpx and libwebrtc send them: 15-bit picture id, TL0PICIDX, TID.
    pub(crate) fn packet(picture: u16, tl0: u8, start: bool, key: Option<u16>) -> Vec<u8> {
        layered(picture, tl0, Temporal { tid: 0, sync: true }, start, key)
    }

    /// The same in a temporal layer.
    pub(crate) fn layered(picture: u16, tl0: u8, at: Temporal, start: bool, key: Option<u16>) -> Vec<u8> {
        let mut payload = vec![0x80 | u8::from(start) << 4, 0xe0];
        payload.extend((picture | 0x8000).to_be_bytes());
        payload.extend([tl0, at.tid << 6 | u8::from(at.sync) << 5]);
        match key {
            Some(height) => {
                payload.extend([0x10, 0, 0, 0x9d, 1, 0x2a, 0x80, 2]);
                payload.extend(height.to_le_bytes());
            }
            None => payload.extend([0x11, 0, 0]),
        }
        payload.extend([0xaa; 20]);
        payload
    }

    #[test]
    fn key_frames_and_numbers_are_read() {
        let key = Descriptor::parse(&packet(300, 9, true, Some(360))).unwrap();
        assert_eq!((key.picture, key.tl0), (Some((300, 2, true)), Some((9, 4))));
        assert_eq!((key.key_frame, key.height), (true, Some(360)));
        assert!(!Descriptor::parse(&packet(300, 9, true, None)).unwrap().key_frame);
        assert!(!Descriptor::parse(&packet(300, 9, false, Some(360))).unwrap().key_frame, "not a frame's start");
        let bare = Descriptor::parse(&[0x10, 0x10, 0, 0]).unwrap();
        assert_eq!((bare.key_frame, bare.picture), (true, None));
        assert_eq!((bare.start, bare.temporal), (true, None));
        for at in [Temporal { tid: 2, sync: true }, Temporal { tid: 1, sync: false }] {
            assert_eq!(Descriptor::parse(&layered(5, 1, at, false, None)).unwrap().temporal, Some(at));
        }
        let without_tid = Descriptor::parse(&[0x90, 0x10, 0xff, 0x11]).unwrap();
        assert_eq!(without_tid.temporal, None, "KEYIDX alone");
    }

    #[test]
    fn shifts_wrap_within_their_width() {
        let mut payload = packet(0x7fff, 255, true, None);
        let descriptor = Descriptor::parse(&payload).unwrap();
        descriptor.apply(Shift { picture: 3, tl0: 2 }, &mut payload);
        let shifted = Descriptor::parse(&payload).unwrap();
        assert_eq!((shifted.picture, shifted.tl0), (Some((2, 2, true)), Some((1, 4))));
        let mut short = vec![0x90, 0x80, 0x7f, 0x11];
        let descriptor = Descriptor::parse(&short).unwrap();
        descriptor.apply(Shift { picture: 2, tl0: 0 }, &mut short);
        assert_eq!(short, [0x90, 0x80, 0x01, 0x11]);
    }

    #[test]
    fn cut_descriptors_are_refused() {
        let whole = packet(300, 9, true, Some(360));
        for length in 0..7 {
            assert_eq!(Descriptor::parse(&whole[..length]).filter(|d| d.key_frame), None, "{length}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_descriptor_is_shifted_in_its_place(payload in prop::collection::vec(any::<u8>(), 0..16), picture: u16, tl0: u8) {
            let Some(descriptor) = Descriptor::parse(&payload) else { return Ok(()) };
            let mut shifted = payload.clone();
            descriptor.apply(Shift { picture, tl0 }, &mut shifted);
            let read = Descriptor::parse(&shifted).unwrap();
            let width = |long| if long { 0x7fff } else { 0x7f };
            let moved = descriptor.picture.map(|(id, at, long)| (id.wrapping_add(picture) & width(long), at, long));
            prop_assert_eq!(read.picture, moved);
            prop_assert_eq!(read.tl0, descriptor.tl0.map(|(index, at)| (index.wrapping_add(tl0), at)));
            prop_assert_eq!((read.key_frame, read.height), (descriptor.key_frame, descriptor.height));
        }
    }
}
