//! Where an H.264 picture that needs no other begins (RFC 6184): an IDR slice or a sequence parameter set, alone, in
//! an aggregate or as the first fragment.

const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;

/// Whether the payload begins a key frame.
pub(crate) fn is_key_frame(payload: &[u8]) -> bool {
    let Some(&first) = payload.first() else { return false };
    match first & 0x1f {
        IDR | SPS => true,
        STAP_A => aggregated(&payload[1..]).any(|kind| kind == IDR || kind == SPS),
        FU_A => payload.get(1).is_some_and(|fu| fu & 0x80 != 0 && matches!(fu & 0x1f, IDR | SPS)),
        _ => false,
    }
}

/// The types of the NAL units of an aggregate.
fn aggregated(mut rest: &[u8]) -> impl Iterator<Item = u8> + '_ {
    std::iter::from_fn(move || {
        let (size, unit) = rest.split_first_chunk::<2>()?;
        let kind = unit.first()? & 0x1f;
        rest = unit.get(usize::from(u16::from_be_bytes(*size))..)?;
        Some(kind)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_frames_in_every_packaging() {
        for (payload, key) in [
            (&[0x65, 1, 2][..], true),
            (&[0x67, 0x42][..], true),
            (&[0x61, 1][..], false),
            (&[0x78, 0, 2, 0x67, 0x42, 0, 1, 0x68][..], true),
            (&[0x78, 0, 1, 0x68, 0, 2, 0x65, 1][..], true),
            (&[0x78, 0, 1, 0x68, 0, 2, 0x61, 1][..], false),
            (&[0x7c, 0x85, 1][..], true),
            (&[0x7c, 0x05, 1][..], false),
            (&[0x7c, 0x81, 1][..], false),
            (&[][..], false),
            (&[0x78, 0xff, 0xff, 0x61][..], false),
            (&[0x7c][..], false),
        ] {
            assert_eq!(is_key_frame(payload), key, "{payload:02x?}");
        }
    }
}
