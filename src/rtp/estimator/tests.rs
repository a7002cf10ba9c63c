//! The estimator alone: what a viewer may say, however wrong. Whole lines are emulated in `router/tests/narrow.rs`.

use proptest::prelude::*;

use super::*;

const PACKET: u32 = 1200;

struct Line {
    estimator: Estimator,
    start: Instant,
    now: Duration,
    sent: u64,
}

impl Line {
    fn new(start: f64) -> Line {
        let now = Instant::now();
        Line { estimator: Estimator::new(now, start), start: now, now: Duration::ZERO, sent: 0 }
    }

    /// Sends at `rate` for so long over a line on which packets take `delay` (ms) as a function of the time in s, and
    /// reports every 50 ms. One of `lost` packets is lost.
    fn run(&mut self, seconds: f64, rate: f64, lost: u64, delay: impl Fn(f64) -> f64) {
        let spacing = Duration::from_secs_f64(f64::from(PACKET) * 8.0 / rate);
        let until = self.now + Duration::from_secs_f64(seconds);
        let mut report = self.now + Duration::from_millis(50);
        while self.now < until {
            self.sent += u64::from(PACKET);
            let way = (delay(self.now.as_secs_f64()) * 1000.0) as i64;
            if lost > 0 && (self.sent / u64::from(PACKET)).is_multiple_of(lost) {
                self.estimator.lost(0);
            } else {
                let arrived = self.now.as_micros() as i64 + 5_000_000 + way;
                let sent = self.start + self.now;
                self.estimator.received(Acked { sent, arrived, bytes: PACKET, probe: 0 });
            }
            self.now += spacing;
            if self.now >= report {
                report += Duration::from_millis(50);
                self.estimator.conclude(self.start + self.now, self.sent, Duration::from_millis(50));
            }
        }
    }
}

#[test]
fn it_grows_while_it_is_used_and_nothing_is_wrong() {
    let mut line = Line::new(1e6);
    line.run(5.0, 0.9e6, 0, |_| 20.0);
    let grown = line.estimator.estimate();
    assert!((1.1e6..1.5e6).contains(&grown), "{grown}: at most 8 % a second, and 1.5 times what arrives");
    line.run(60.0, 0.9e6, 0, |_| 20.0);
    assert!(line.estimator.estimate() < 1.5 * 0.9e6 + 20e3);
}

#[test]
fn sending_little_neither_raises_nor_lowers_it() {
    let mut line = Line::new(2e6);
    line.run(30.0, 0.1e6, 0, |_| 20.0);
    assert_eq!(line.estimator.estimate(), 2e6);
    line.run(30.0, 0.1e6, 0, |time| 20.0 + 5.0 * (time * 7.0).sin());
    assert!(line.estimator.estimate() > 1.5e6);
}

#[test]
fn a_growing_queue_brings_it_below_what_arrives() {
    let mut line = Line::new(1e6);
    line.run(2.0, 0.95e6, 0, |_| 20.0);
    let began = line.now.as_secs_f64();
    line.run(1.0, 0.95e6, 0, |time| 20.0 + 200.0 * (time - began));
    let reduced = line.estimator.estimate();
    assert!(reduced < 0.85e6, "{reduced}");
}

#[test]
fn a_queue_that_stands_is_emptied_but_a_longer_way_is_not_fought_for_ever() {
    let mut line = Line::new(1e6);
    line.run(3.0, 0.9e6, 0, |_| 20.0);
    let before = line.estimator.estimate();
    line.run(1.0, 0.9e6, 0, |_| 220.0);
    assert!(line.estimator.estimate() < 0.9 * before);
    line.run(10.0, 0.9e6, 0, |_| 220.0);
    let waiting = line.estimator.queueing();
    assert!(waiting < 10.0, "the way is that long: {waiting}");
    assert!(line.estimator.estimate() > 0.3e6);
}

#[test]
fn heavy_loss_lowers_it_unless_that_does_not_help() {
    let mut line = Line::new(2e6);
    line.run(1.0, 1.8e6, 0, |_| 20.0);
    let before = line.estimator.estimate();
    line.run(2.0, 1.8e6, 3, |_| 20.0);
    assert!(line.estimator.estimate() < 0.8 * before);
    line.run(20.0, 1.0e6, 3, |_| 20.0);
    assert!(line.estimator.estimate() > 0.6e6, "a third is lost at any rate: {}", line.estimator.estimate());
}

#[test]
fn silence_lowers_it_step_by_step() {
    let mut line = Line::new(1e6);
    line.run(1.0, 0.5e6, 0, |_| 20.0);
    let at = |ms: u64| line.start + line.now + Duration::from_millis(ms);
    line.estimator.tick(at(1000), true);
    assert_eq!(line.estimator.estimate(), 1e6);
    line.estimator.tick(at(9000), false);
    assert_eq!(line.estimator.estimate(), 1e6, "nothing was sent that it could have reported");
    for step in 0..40 {
        line.estimator.tick(at(2000 + 250 * step), true);
    }
    let lowered = line.estimator.estimate();
    assert!((0.05e6..0.2e6).contains(&lowered), "{lowered}");
}

/// `cargo test --release --lib estimator::tests::cost -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn cost_of_a_reported_packet() {
    let mut line = Line::new(5e6);
    let began = Instant::now();
    line.run(600.0, 4.5e6, 0, |time| 20.0 + 3.0 * (time * 9.0).sin());
    let packets = line.sent / u64::from(PACKET);
    println!("{:.0} ns per reported packet", began.elapsed().as_secs_f64() * 1e9 / packets as f64);
}

proptest! {
    #[test]
    fn whatever_is_reported_it_stays_within_its_bounds(
        packets in prop::collection::vec((0..5000u64, any::<i64>(), 0..70_000u32, any::<u8>(), 0..4u8), 1..400)
    ) {
        let start = Instant::now();
        let mut estimator = Estimator::new(start, START);
        for (at, (sent, arrived, bytes, probe, kind)) in packets.into_iter().enumerate() {
            let now = start + Duration::from_millis(sent + at as u64);
            let sent = start + Duration::from_millis(sent);
            match kind {
                0 => estimator.lost(probe),
                1 => {
                    estimator.conclude(now, u64::from(bytes) * at as u64, Duration::from_millis(50));
                    estimator.tick(now, true);
                    let _ = estimator.prober.begin(now, estimator.estimate(), Goal { rate: 1e6, patient: false }, (0, 0));
                    let _ = estimator.prober.due(now, (0, 0));
                }
                _ => estimator.received(Acked { sent, arrived, bytes, probe: probe % 3 }),
            }
            prop_assert!((FLOOR..=CEILING).contains(&estimator.estimate()));
        }
    }
}
