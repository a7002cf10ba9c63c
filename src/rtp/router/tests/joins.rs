//! How long somebody who joins waits for a picture that needs more than a new line is trusted with.

use super::emulated::*;
use super::harness::ms;
use crate::domain::ids::PeerId;

const K: u64 = 1000;
const ALONE: Camera = Camera { rates: &[540 * K], temporal: 1, every: 33 };

/// Milliseconds to the first picture of fifty who join one after another: the median, p95 and the most.
fn waits(road: Road) -> [u128; 3] {
    let mut room = Room::with(ALONE, 1, &[], 720);
    for joiner in 0..50 {
        room.enter(PeerId(50 + joiner), Road { seed: joiner, ..road }, 1, 720);
        room.run(ms(37));
    }
    room.run(ms(10_000));
    let waited = |viewer: &Viewer| viewer.first_picture.map_or(u128::MAX, |at| at.as_millis());
    let mut waits: Vec<u128> = room.viewers.iter().map(waited).collect();
    waits.sort_unstable();
    let [p50, p95, most] = [25, 47, 49].map(|at| waits[at]);
    println!("{road:?}: first picture after {p50} ms in the median, p95 {p95}, at most {most}");
    [p50, p95, most]
}

#[test]
fn the_first_probe_finds_room_for_a_picture() {
    for road in [Road::of(20_000 * K), Road { loss: 0.02, jitter: 5, ..Road::of(5000 * K) }, Road::of(1000 * K)] {
        assert!(waits(road)[2] < 800);
    }
}

/// Where jitter or loss hides from the first probe what the line carries, the next ones follow soon.
#[test]
fn a_first_probe_that_finds_nothing_costs_no_three_seconds() {
    let jitter = waits(Road { jitter: 10, ..Road::of(20_000 * K) });
    assert!(jitter[1] < 1200 && jitter[2] < 2500);
    let lossy = waits(Road { loss: 0.1, jitter: 5, ..Road::of(5000 * K) });
    assert!(lossy[1] < 2500 && lossy[2] < 8000);
}
