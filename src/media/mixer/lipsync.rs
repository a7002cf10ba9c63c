//! Lips and voice together: where each track of one sender stands on that sender's clock, from its sender reports
//! (RFC 3550, 6.4.1), and how long the tracks that are ahead must wait. Pure arithmetic; times are arguments.

use crate::domain::ids::Source;

/// NTP counts from 1900 in 2^-32 s; as nanoseconds it still fits 63 bits.
fn ntp_nanoseconds(ntp: u64) -> i64 {
    let seconds = (ntp >> 32) as i64;
    let fraction = ((ntp & 0xffff_ffff) * 1_000_000_000) >> 32;
    seconds * 1_000_000_000 + fraction as i64
}

/// Joins one track's RTP timestamps to our time and to the sender's.
#[derive(Debug)]
pub(super) struct TrackClock {
    /// Hz
    rate: u32,
    /// An RTP timestamp and our running time of it (ns), as the jitterbuffer smoothed it.
    anchor: Option<(u32, u64)>,
    /// The latest sender report: the sender's clock (ns) and the RTP timestamp.
    report: Option<(i64, u32)>,
}

impl TrackClock {
    pub(super) fn new(rate: u32) -> Self {
        Self { rate, anchor: None, report: None }
    }

    /// A packet left the jitterbuffer.
    pub(super) fn packet(&mut self, timestamp: u32, running: u64) {
        self.anchor = Some((timestamp, running));
    }

    /// An RTCP packet came in; the sender report in it, if any, is kept. True when there was one.
    pub(super) fn rtcp(&mut self, compound: &[u8]) -> bool {
        let mut rest = compound;
        while let [first, kind, high, low, ..] = *rest {
            let length = (usize::from(u16::from_be_bytes([high, low])) + 1) * 4;
            let Some((packet, after)) = rest.split_at_checked(length) else { return false };
            if first >> 6 == 2 && kind == 200 && packet.len() >= 28 {
                let mut ntp = [0; 8];
                ntp.copy_from_slice(&packet[8..16]);
                let timestamp = u32::from_be_bytes([packet[16], packet[17], packet[18], packet[19]]);
                self.report = Some((ntp_nanoseconds(u64::from_be_bytes(ntp)), timestamp));
                return true;
            }
            rest = after;
        }
        false
    }

    /// The sender's clock when our running time was zero (ns), once both ends are known.
    pub(super) fn origin(&self) -> Option<i64> {
        let ((timestamp, running), (ntp, reported)) = self.anchor.zip(self.report)?;
        let ahead = i64::from(reported.wrapping_sub(timestamp) as i32);
        let reported_at = running as i64 + ahead * 1_000_000_000 / i64::from(self.rate);
        Some(ntp - reported_at)
    }
}

/// A change smaller than this is not worth one (ns): nobody sees it. Larger ones are no clicks: the desk draws a voice to its place.
const SLACK: i64 = 5_000_000;
/// More than this is a broken clock, not a delay (ns).
const MOST: i64 = 1_000_000_000;

/// The tracks of one sender.
#[derive(Debug, Default)]
pub(crate) struct Group {
    origins: [Option<i64>; 4],
    delays: [i64; 4],
}

impl Group {
    /// What a track's clock says now; `None` when the track has gone.
    pub(super) fn set(&mut self, source: Source, origin: Option<i64>) {
        self.origins[source as usize] = origin;
        let Some(last) = self.origins.iter().flatten().min().copied() else { return };
        for (origin, delay) in self.origins.iter().zip(&mut self.delays) {
            let wanted = origin.map_or(0, |origin| origin - last);
            if wanted > MOST {
                *delay = 0;
            } else if (wanted - *delay).abs() > SLACK {
                *delay = wanted;
            }
        }
    }

    /// How long this track waits for the others (ns).
    pub(crate) fn delay(&self, source: Source) -> u64 {
        self.delays[source as usize].max(0) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(ntp_seconds: f64, timestamp: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 200, 0, 6, 0, 0, 0, 1];
        packet.extend(((ntp_seconds * 4_294_967_296.0) as u64).to_be_bytes());
        packet.extend(timestamp.to_be_bytes());
        packet.extend([0; 8]);
        packet
    }

    #[test]
    fn the_voice_waits_for_the_face() {
        // Both captured at NTP 1000.0 s; the picture arrives 80 ms later than the sound.
        let (mut voice, mut face) = (TrackClock::new(48_000), TrackClock::new(90_000));
        voice.packet(u32::MAX - 47_999, 5_000_000_000);
        face.packet(7, 5_080_000_000);
        assert!(voice.rtcp(&report(1001.0, 0)), "a report one second later, the timestamp wrapped");
        assert!(face.rtcp(&report(1000.0, 7)));
        let mut group = Group::default();
        group.set(Source::Microphone, voice.origin());
        group.set(Source::Camera, face.origin());
        assert!(group.delay(Source::Microphone).abs_diff(80_000_000) < 1000, "{group:?}");
        assert_eq!(group.delay(Source::Camera), 0);
    }

    #[test]
    fn small_changes_move_nothing_and_broken_clocks_neither() {
        let mut group = Group::default();
        group.set(Source::Camera, Some(0));
        group.set(Source::Microphone, Some(60_000_000));
        group.set(Source::Microphone, Some(56_000_000));
        assert_eq!(group.delay(Source::Microphone), 60_000_000);
        group.set(Source::Microphone, Some(90_000_000_000));
        assert_eq!(group.delay(Source::Microphone), 0);
    }

    #[test]
    fn rubbish_is_no_report() {
        let mut clock = TrackClock::new(90_000);
        for bad in [&[][..], &[0x80, 200, 0xff, 0xff], &[0x80, 200, 0, 1, 0, 0, 0, 0], &[0x00, 200, 0, 6, 0]] {
            assert!(!clock.rtcp(bad));
        }
    }
}
