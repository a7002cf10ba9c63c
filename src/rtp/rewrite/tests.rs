//! Continuity over switches, gaps, late packets and padding.

use proptest::prelude::*;

use super::*;
use crate::rtp::slab::Slab;
use crate::rtp::vp8;

fn sources() -> (StreamKey, StreamKey) {
    let mut slab = Slab::new();
    let (a, b) = (slab.insert(()), slab.insert(()));
    (StreamKey { track: a, layer: 0 }, StreamKey { track: b, layer: 0 })
}

fn media(sequence: u64, timestamp: u32, arrived: Instant) -> Media<'static> {
    Media { sequence, timestamp, marker: false, payload: &[], entry: true, vp8: None, clock_rate: 90_000, arrived }
}

fn sent(rewriter: &mut Rewriter, sequence: u64, now: Instant) -> Option<u64> {
    rewriter.place(&media(sequence, 0, now)).map(|placed| placed.sequence)
}

#[test]
fn a_switch_goes_on_where_the_old_source_stopped() {
    let ((a, b), now) = (sources(), Instant::now());
    let mut rewriter = Rewriter::new(99);
    rewriter.switch(a, &media(5000, 1_000_000, now));
    let first = rewriter.place(&media(5000, 1_000_000, now)).unwrap();
    let second = rewriter.place(&media(5001, 1_003_000, now)).unwrap();
    assert_eq!((first.sequence, second.sequence), (100, 101));
    assert_eq!(second.timestamp - first.timestamp, 3000);
    let later = now + Duration::from_millis(100);
    rewriter.switch(b, &media(7, 50, later));
    let third = rewriter.place(&media(7, 50, later)).unwrap();
    assert_eq!(third.sequence, 102);
    assert_eq!(third.timestamp - second.timestamp, 9000, "100 ms at 90 kHz");
    assert_eq!(rewriter.place(&media(6, 0, later)), None, "from before the switch");
}

#[test]
fn gaps_stay_gaps_and_late_packets_fill_them() {
    let ((a, _), now) = (sources(), Instant::now());
    let mut rewriter = Rewriter::new(0);
    rewriter.switch(a, &media(10, 0, now));
    assert_eq!(sent(&mut rewriter, 10, now), Some(1));
    assert_eq!(sent(&mut rewriter, 13, now), Some(4));
    assert_eq!(sent(&mut rewriter, 11, now), Some(2));
    assert_eq!(sent(&mut rewriter, 14, now), Some(5));
}

#[test]
fn padding_leaves_no_gap_and_holes_before_it_keep_their_numbers() {
    let ((a, _), now) = (sources(), Instant::now());
    let mut rewriter = Rewriter::new(0);
    rewriter.switch(a, &media(10, 0, now));
    assert_eq!(sent(&mut rewriter, 10, now), Some(1));
    rewriter.skip(11);
    rewriter.skip(12);
    assert_eq!(sent(&mut rewriter, 13, now), Some(2));
    // 14 and 15 are missing, 16 is padding.
    rewriter.skip(16);
    assert_eq!(sent(&mut rewriter, 17, now), Some(5));
    assert_eq!(sent(&mut rewriter, 15, now), Some(4));
    assert_eq!(sent(&mut rewriter, 14, now), Some(3));
    rewriter.skip(15);
    assert_eq!(sent(&mut rewriter, 18, now), Some(6), "too late to be taken out");
    for (out, sequence) in [(1, 10), (2, 13), (3, 14), (4, 15), (5, 17), (6, 18)] {
        assert_eq!(rewriter.resolve(out).map(|(_, sequence, _)| sequence), Some(sequence), "{out}");
    }
}

#[test]
fn a_nack_finds_the_source_of_its_time() {
    let ((a, b), now) = (sources(), Instant::now());
    let mut rewriter = Rewriter::new(0x7fff);
    rewriter.switch(a, &media(10, 0, now));
    for sequence in 10..40_000 {
        rewriter.place(&media(sequence, 0, now));
    }
    let last = 0x7fff + 39_990u64;
    rewriter.switch(b, &media(3, 0, now));
    assert_eq!(sent(&mut rewriter, 3, now), Some(last + 1));
    let found = |out: u64| rewriter.resolve(out as u16).map(|(source, sequence, _)| (source, sequence));
    assert_eq!(found(last + 1), Some((b, 3)));
    assert_eq!(found(last), Some((a, 39_999)));
    assert_eq!(found(last - 100), Some((a, 39_899)));
    assert_eq!(found(last + 2), None, "the future");
}

#[test]
fn picture_numbers_go_on() {
    let ((a, b), now) = (sources(), Instant::now());
    let mut rewriter = Rewriter::new(0);
    let with = |sequence, picture, tl0| {
        let payload = vp8::tests::packet(picture, tl0, true, Some(360));
        Media { vp8: Descriptor::parse(&payload), ..media(sequence, 0, now) }
    };
    rewriter.switch(a, &with(1, 0x7fff, 250));
    assert_eq!(rewriter.place(&with(1, 0x7fff, 250)).unwrap().shift, Shift::default());
    rewriter.switch(b, &with(1, 40, 7));
    let shift = rewriter.place(&with(1, 40, 7)).unwrap().shift;
    assert_eq!(40u16.wrapping_add(shift.picture) & 0x7fff, 0);
    assert_eq!(7u8.wrapping_add(shift.tl0), 251);
    let shift = rewriter.place(&with(2, 41, 8)).unwrap().shift;
    assert_eq!(41u16.wrapping_add(shift.picture) & 0x7fff, 1);
}

#[test]
fn frames_of_a_temporal_layer_are_taken_out_of_both_numbers() {
    let ((a, _), now) = (sources(), Instant::now());
    let mut rewriter = Rewriter::new(0);
    let with = |sequence, picture: u16, tid| {
        let payload = vp8::tests::layered(picture, 7, vp8::Temporal { tid, sync: false }, true, None);
        Media { vp8: Descriptor::parse(&payload), ..media(sequence, 0, now) }
    };
    let sent = |rewriter: &mut Rewriter, sequence, picture: u16, tid| {
        let placed = rewriter.place(&with(sequence, picture, tid))?;
        assert_eq!(placed.shift.tl0, 0, "TL0PICIDX is kept");
        Some((placed.sequence, picture.wrapping_add(placed.shift.picture)))
    };
    rewriter.switch(a, &with(10, 100, 0));
    assert_eq!(sent(&mut rewriter, 10, 100, 0), Some((1, 100)));
    rewriter.limit(11, 0);
    assert_eq!([sent(&mut rewriter, 11, 101, 1), sent(&mut rewriter, 12, 101, 1)], [None, None]);
    assert_eq!(sent(&mut rewriter, 13, 102, 0), Some((2, 101)));
    // 14 is missing; the rest of its frame is left out.
    assert_eq!(sent(&mut rewriter, 15, 103, 1), None);
    assert_eq!(sent(&mut rewriter, 16, 104, 0), Some((4, 102)));
    rewriter.limit(17, 1);
    assert_eq!(sent(&mut rewriter, 17, 105, 1), Some((5, 103)));
    let late = rewriter.place(&with(14, 103, 1)).unwrap();
    assert_eq!((late.sequence, late.limit), (3, 0), "it fills its place without its content");
    let (_, number, resolved) = rewriter.resolve(3).unwrap();
    assert_eq!((number, resolved.place(0).limit), (14, 0), "as does its retransmission");
    assert_eq!(rewriter.resolve(4).map(|(_, number, _)| number), Some(16));
}

#[test]
fn switches_without_end_use_no_more_memory() {
    let ((a, b), now) = (sources(), Instant::now());
    let mut rewriter = Rewriter::new(0);
    for n in 0..1000 {
        rewriter.switch(if n % 2 == 0 { a } else { b }, &media(n, 0, now));
        rewriter.place(&media(n, 0, now));
        rewriter.skip(n + 1);
    }
    assert!(rewriter.segments.len() <= SEGMENTS);
}

#[derive(Debug, Clone)]
enum Step {
    /// A packet so many numbers after the newest (or before).
    Packet(i8),
    Padding(i8),
    /// A packet of a temporal layer that is left out.
    Above(i8),
    Switch,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => (-6i8..6).prop_map(Step::Packet),
        3 => (-3i8..4).prop_map(Step::Padding),
        6 => (-3i8..4).prop_map(Step::Above),
        1 => Just(Step::Switch),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No number is given twice, and each is found again as long as its segment is remembered.
    #[test]
    fn numbers_are_unique_and_found_again(steps in steps()) {
        let ((a, b), now) = (sources(), Instant::now());
        let mut rewriter = Rewriter::new(40);
        let (mut source, mut newest) = (a, 1000u64);
        rewriter.switch(source, &media(newest, 0, now));
        rewriter.limit(newest, 0);
        let mut given = std::collections::HashMap::new();
        let mut seen = std::collections::HashSet::new();
        for step in steps {
            match step {
                Step::Switch => {
                    source = if source == a { b } else { a };
                    newest += 1000;
                    rewriter.switch(source, &media(newest, 0, now));
                    rewriter.limit(newest, 0);
                }
                Step::Packet(by) | Step::Padding(by) | Step::Above(by) => {
                    let sequence = newest.saturating_add_signed(i64::from(by));
                    // The stream hands on each packet once.
                    if !seen.insert(sequence) {
                        continue;
                    }
                    newest = newest.max(sequence);
                    if matches!(step, Step::Padding(_)) {
                        rewriter.skip(sequence);
                        continue;
                    }
                    let payload = vp8::tests::layered(sequence as u16, 0, vp8::Temporal { tid: 1, sync: false }, true, None);
                    let above = matches!(step, Step::Above(_)).then(|| Descriptor::parse(&payload)).flatten();
                    if let Some(placed) = rewriter.place(&Media { vp8: above, ..media(sequence, 0, now) }) {
                        prop_assert_eq!(given.insert(placed.sequence, (source, sequence)), None);
                    }
                }
            }
        }
        let oldest = rewriter.segments.front().map_or(0, |segment| segment.first_out);
        for (&out, &expected) in given.iter().filter(|&(&out, _)| out >= oldest) {
            let found = rewriter.resolve(out as u16).map(|(source, sequence, _)| (source, sequence));
            prop_assert_eq!(found, Some(expected));
        }
    }
}
