//! What the server reports about a stream it receives (RFC 3550 section 6.4.1, appendix A.3 and A.8).

use std::time::Instant;

use rtcp_types::{ReportBlock, ReportBlockBuilder};

use super::clock::{Ntp, ticks};

/// Reception statistics of one SSRC.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reception {
    first: Option<u64>,
    highest: u64,
    received: u64,
    expected_before: u64,
    received_before: u64,
    /// Interarrival jitter, scaled by 16 as in RFC 3550 A.8.
    jitter: u32,
    previous: Option<(Instant, u32)>,
    last_report: Option<(u32, Instant)>,
}

impl Reception {
    /// A packet arrived first hand.
    pub(crate) fn received(&mut self, index: u64, timestamp: u32, clock_rate: u32, now: Instant) {
        let first = self.first.get_or_insert(index);
        *first = (*first).min(index);
        self.received += 1;
        if index > self.highest || self.received == 1 {
            self.highest = index;
        }
        if let Some((arrived, earlier)) = self.previous.replace((now, timestamp)) {
            let transit =
                ticks(now.saturating_duration_since(arrived), clock_rate).wrapping_sub(timestamp.wrapping_sub(earlier));
            let distance = (transit as i32).unsigned_abs();
            // A jump of the clock is not jitter.
            if distance < clock_rate * 10 {
                self.jitter = self.jitter.saturating_add(distance).saturating_sub((self.jitter + 8) >> 4);
            }
        }
    }

    /// The publisher's sender report arrived.
    pub(crate) fn sender_report(&mut self, ntp: Ntp, now: Instant) {
        self.last_report = Some(((ntp >> 16) as u32, now));
    }

    /// The block for the next receiver report; `None` before the first packet. At least `beyond` (in 1/256) is reported as
    /// lost: what is lost further on.
    pub(crate) fn block(&mut self, ssrc: u32, beyond: u8, now: Instant) -> Option<ReportBlockBuilder> {
        let expected = self.highest - self.first? + 1;
        let lost = (expected as i64 - self.received as i64).clamp(0, 0x7f_ffff);
        let expected_now = expected.saturating_sub(self.expected_before);
        let lost_now = expected_now.saturating_sub(self.received - self.received_before);
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255).max(u64::from(beyond));
        (self.expected_before, self.received_before) = (expected, self.received);
        let mut block = ReportBlock::builder(ssrc)
            .fraction_lost(fraction as u8)
            .cumulative_lost(lost as u32)
            .extended_sequence_number(self.highest as u32)
            .interarrival_jitter(self.jitter >> 4);
        if let Some((lsr, arrived)) = self.last_report {
            block = block
                .last_sender_report_timestamp(lsr)
                .delay_since_last_sender_report_timestamp(ticks(now.saturating_duration_since(arrived), 1 << 16));
        }
        Some(block)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rtcp_types::prelude::*;

    use super::*;

    fn block(reception: &mut Reception, now: Instant) -> Vec<u8> {
        let report = rtcp_types::ReceiverReport::builder(1).add_report_block(reception.block(7, 0, now).unwrap());
        let mut bytes = vec![0; report.calculate_size().unwrap()];
        report.write_into(&mut bytes).unwrap();
        bytes[8..].to_vec()
    }

    #[test]
    fn loss_is_counted_per_interval_and_in_all() {
        let (mut reception, start) = (Reception::default(), Instant::now());
        for index in 65_530..65_550u64 {
            if index % 4 != 0 {
                reception.received(index, 0, 48_000, start);
            }
        }
        let bytes = block(&mut reception, start);
        let read = ReportBlock::parse(&bytes).unwrap();
        assert_eq!((read.ssrc(), read.extended_sequence_number()), (7, 65_549));
        assert_eq!((read.cumulative_lost(), read.fraction_lost()), (5, (5 * 256 / 20) as u8));
        reception.received(65_550, 0, 48_000, start);
        let bytes = block(&mut reception, start);
        let read = ReportBlock::parse(&bytes).unwrap();
        assert_eq!((read.cumulative_lost(), read.fraction_lost()), (5, 0));
    }

    #[test]
    fn jitter_and_the_last_sender_report() {
        let (mut reception, start) = (Reception::default(), Instant::now());
        for n in 0..1000u64 {
            let late = if n % 2 == 0 { 0 } else { 5 };
            reception.received(n, n as u32 * 960, 48_000, start + Duration::from_millis(n * 20 + late));
        }
        reception.sender_report(0x0001_0203_0405_0607, start);
        let bytes = block(&mut reception, start + Duration::from_millis(500));
        let read = ReportBlock::parse(&bytes).unwrap();
        assert!((230..=245).contains(&read.interarrival_jitter()), "5 ms at 48 kHz: {}", read.interarrival_jitter());
        assert_eq!(read.last_sender_report_timestamp(), 0x0203_0405);
        assert_eq!(read.delay_since_last_sender_report_timestamp(), 1 << 15);
    }
}
