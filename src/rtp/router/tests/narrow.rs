//! Narrow lines: voices never break, queues stay short, and what the line carries is found and used.

use super::emulated::*;
use super::harness::ms;

const K: u64 = 1000;

#[test]
fn six_people_on_600_kbit_s() {
    let mut room = Room::new(5, &[Road::of(600 * K)], 720);
    room.run(ms(60_000));
    let viewer = &room.viewers[0];
    viewer.print("600 kbit/s", 2, 62);
    let lost = viewer.voice_lost();
    let p95 = viewer.waited(0.95, 7, 62);
    println!("voice: {lost} of {} lost; waits p95 {p95:.0} ms, p99 {:.0} ms", viewer.voice, viewer.waited(0.99, 7, 62));
    assert_eq!(lost, 0);
    assert!(viewer.voice > 2900, "it is never paused");
    assert!(p95 < 300.0);
    assert!(viewer.rate(10, 62) > 350e3, "most of the line is used");
    assert!(viewer.changes(15, 62) <= 24, "{} changes", viewer.changes(15, 62));
}

#[test]
fn a_line_that_gets_better_is_used_within_20_s() {
    let mut room = Room::new(5, &[Road::of(600 * K)], 720);
    room.run(ms(20_000));
    room.change(0, Road::of(5000 * K));
    room.run(ms(30_000));
    let viewer = &room.viewers[0];
    viewer.print("600 kbit/s, then 5 Mbit/s", 2, 52);
    assert!(viewer.estimate(41, 42) > 3.75e6);
    assert!(viewer.rate(42, 52) > 3.0e6);
}

#[test]
fn a_line_that_gets_worse_is_not_overrun() {
    let mut room = Room::new(5, &[Road::of(5000 * K)], 720);
    room.run(ms(15_000));
    room.change(0, Road::of(700 * K));
    room.run(ms(25_000));
    let viewer = &room.viewers[0];
    viewer.print("5 Mbit/s, then 700 kbit/s", 2, 42);
    assert!(viewer.waited(0.95, 22, 42) < 300.0);
    assert!(viewer.rate(22, 42) > 350e3);
}

#[test]
fn the_estimate_converges() {
    for rate in [1000 * K, 2500 * K] {
        let mut room = Room::new(5, &[Road::of(rate)], 720);
        room.run(ms(40_000));
        let viewer = &room.viewers[0];
        viewer.print("steady", 2, 42);
        let estimate = viewer.estimate(12, 42);
        println!("{rate}: mean {estimate:.0}, waits p95 {:.0} ms", viewer.waited(0.95, 7, 42));
        assert!((estimate / rate as f64 - 1.0).abs() < 0.25, "{estimate}");
        assert!(viewer.waited(0.95, 7, 42) < 300.0);
    }
}

#[test]
fn random_loss_does_not_make_it_collapse() {
    let mut room = Room::new(5, &[Road { loss: 0.05, ..Road::of(2000 * K) }], 720);
    room.run(ms(40_000));
    let viewer = &room.viewers[0];
    viewer.print("5 % loss", 2, 42);
    assert!(viewer.estimate(12, 42) > 0.6 * 2e6);
}

#[test]
fn jitter_does_not_make_it_collapse() {
    let mut room = Room::new(5, &[Road { jitter: 30, ..Road::of(2000 * K) }], 720);
    room.run(ms(40_000));
    let viewer = &room.viewers[0];
    viewer.print("30 ms of jitter", 2, 42);
    assert!(viewer.estimate(12, 42) > 0.6 * 2e6);
}

#[test]
fn a_narrow_line_is_nobody_elses_business() {
    let mut room = Room::new(5, &[Road::of(400 * K), Road::of(10_000 * K)], 720);
    room.run(ms(30_000));
    let (thin, wide) = (&room.viewers[0], &room.viewers[1]);
    thin.print("400 kbit/s", 2, 32);
    wide.print("10 Mbit/s", 2, 32);
    assert!(wide.rate(12, 32) > 5.5e6, "all it wants: {}", wide.rate(12, 32));
    assert_eq!(wide.changes(12, 32), 0);
    assert_eq!(thin.voice_lost(), 0);
}

#[test]
fn lines_of_all_widths() {
    for rate in [250 * K, 450 * K, 800 * K, 1500 * K, 3500 * K] {
        let mut room = Room::new(5, &[Road::of(rate)], 720);
        room.run(ms(40_000));
        let viewer = &room.viewers[0];
        viewer.print("a line", 2, 42);
        let (estimate, p95) = (viewer.estimate(17, 42) / rate as f64, viewer.waited(0.95, 7, 42));
        println!("{rate}: {estimate:.2} of it, {:.2} used, waits p95 {p95:.0} ms", viewer.rate(17, 42) / rate as f64);
        assert!((0.7..1.25).contains(&estimate));
        assert!(p95 < 300.0);
        assert_eq!(viewer.voice_lost(), 0);
    }
}

#[test]
fn heavy_random_loss_leaves_pictures() {
    let mut room = Room::new(5, &[Road { loss: 0.2, ..Road::of(2000 * K) }], 720);
    room.run(ms(40_000));
    let viewer = &room.viewers[0];
    viewer.print("20 % loss", 2, 42);
    assert!(viewer.estimate(12, 42) > 0.3 * 2e6);
}
