//! One peer as a publisher: which of its SSRCs is which section and layer, and what it has to be told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::domain::ids::{PeerId, Source};

use super::bucket::Bucket;
use super::clock::PublisherClock;
use super::description::{Extensions, Receive};
use super::egress::Egress;
use super::packet::Header;
use super::slab::Key;
use super::srtp::{MAX_SSRCS, Receiver};
use super::twcc::ArrivalLog;

/// Between two level events of a peer.
const LEVEL_INTERVAL: Duration = Duration::from_millis(100);
/// The same for so long after somebody began: each packet of 20 ms.
const ONSET: Duration = Duration::from_millis(100);
const ONSET_INTERVAL: Duration = Duration::from_millis(15);
/// Levels from here on (in -dBov) are silence.
const QUIET: u8 = 60;

/// What an SSRC of the peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Binding {
    /// Which of the peer's receiving sections.
    pub(crate) receive: u8,
    /// Which layer there.
    pub(crate) layer: u8,
    /// Its retransmissions (RFC 4588) rather than its media.
    pub(crate) repair: bool,
}

/// What the header extensions of a packet say.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Marks<'a> {
    pub(crate) transport_cc: Option<u16>,
    pub(crate) level: Option<u8>,
    mid: Option<&'a [u8]>,
    rid: Option<&'a [u8]>,
    repaired_rid: Option<&'a [u8]>,
}

impl<'a> Marks<'a> {
    pub(crate) fn read(header: &Header, packet: &'a [u8], ids: &Extensions) -> Marks<'a> {
        let mut marks = Marks::default();
        for (id, data) in header.elements(packet) {
            let id = Some(id);
            if id == ids.transport_cc {
                marks.transport_cc = data.first_chunk().map(|bytes| u16::from_be_bytes(*bytes));
            } else if id == ids.audio_level {
                marks.level = data.first().map(|byte| byte & 0x7f);
            } else if id == ids.mid {
                marks.mid = Some(data);
            } else if id == ids.rid {
                marks.rid = Some(data);
            } else if id == ids.repaired_rid {
                marks.repaired_rid = Some(data);
            }
        }
        marks
    }
}

/// The loudest of a peer's microphone between two events: told packet by packet while somebody begins to speak, so that
/// they are soon heard, and seldom from then on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LevelMeter {
    loudest: u8,
    next: Option<Instant>,
    /// When the present turn began.
    began: Option<Instant>,
}

impl LevelMeter {
    /// A packet with that level (in -dBov: smaller is louder) came; the level to report now, if any.
    pub(crate) fn observe(&mut self, level: u8, now: Instant) -> Option<u8> {
        self.loudest = self.loudest.min(level);
        if self.loudest >= QUIET || self.next.is_some_and(|next| now < next) {
            return None;
        }
        // Quiet for longer than ordinary reports are apart.
        let fresh = self.next.is_none_or(|next| now > next + LEVEL_INTERVAL);
        let began = self.began.filter(|_| !fresh).unwrap_or(now);
        self.began = Some(began);
        self.next = Some(now + if now < began + ONSET { ONSET_INTERVAL } else { LEVEL_INTERVAL });
        Some(std::mem::replace(&mut self.loudest, 127))
    }
}

/// See the module.
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) cname: Arc<str>,
    pub(crate) extensions: Extensions,
    pub(crate) receives: Vec<Receive>,
    /// In the order of `receives`, or what the mix publishes.
    pub(crate) tracks: Vec<(Source, Key)>,
    pub(crate) receiver: Option<Receiver>,
    bindings: [Option<Binding>; MAX_SSRCS],
    pub(crate) level: LevelMeter,
    pub(crate) arrivals: ArrivalLog,
    /// When the arrivals are reported.
    pub(crate) feedback_at: Option<Instant>,
    /// When the next receiver report is due.
    pub(crate) report_at: Option<Instant>,
    pub(crate) clock: PublisherClock,
    /// Counts full intra requests (RFC 5104).
    pub(crate) intra_requests: u8,
    /// RTCP compounds that are still read.
    pub(crate) rtcp_budget: Bucket,
    pub(crate) egress: Egress,
}

impl Peer {
    pub(crate) fn new(id: PeerId, cname: &str, extensions: Extensions, receives: Vec<Receive>, egress: Egress) -> Peer {
        Peer {
            id,
            cname: cname.into(),
            extensions,
            receives,
            tracks: Vec::new(),
            receiver: None,
            bindings: [None; MAX_SSRCS],
            level: LevelMeter { loudest: 127, next: None, began: None },
            arrivals: ArrivalLog::default(),
            feedback_at: None,
            report_at: None,
            clock: PublisherClock::default(),
            intra_requests: 0,
            rtcp_budget: Bucket::default(),
            egress,
        }
    }

    /// What the SSRC at place `source` of the SRTP table is; the second value is true if that was just found out.
    pub(crate) fn binding(&mut self, source: usize, header: &Header, marks: &Marks<'_>) -> Option<(Binding, bool)> {
        if let Some(binding) = *self.bindings.get(source)? {
            return Some((binding, false));
        }
        let binding = resolve(&self.receives, header, marks)?;
        self.bindings[source] = Some(binding);
        Some((binding, true))
    }
}

/// Finds what an SSRC is: by the offer's SSRCs, by its mid and rid extensions, by its payload type if one section alone
/// has it.
fn resolve(receives: &[Receive], header: &Header, marks: &Marks<'_>) -> Option<Binding> {
    let by_ssrc = |receive: &Receive| {
        receive.ssrcs.contains(&header.ssrc) || receive.rtx_ssrcs.iter().any(|&(_, rtx)| rtx == header.ssrc)
    };
    let by_mid = |receive: &Receive| marks.mid == Some(receive.mid.as_bytes());
    let has_type = |receive: &Receive| {
        receive.codec.payload_type == header.payload_type || receive.codec.rtx == Some(header.payload_type)
    };
    let only = || {
        let mut with = receives.iter().enumerate().filter(|(_, receive)| has_type(receive));
        with.next().filter(|_| with.next().is_none()).map(|(at, _)| at)
    };
    let at = receives.iter().position(by_ssrc).or_else(|| receives.iter().position(by_mid)).or_else(only)?;
    let receive = &receives[at];
    if !has_type(receive) {
        return None;
    }
    let repair = receive.codec.payload_type != header.payload_type;
    let layer = layer_of(receive, header.ssrc, repair, marks)?;
    Some(Binding { receive: at as u8, layer: layer as u8, repair })
}

fn layer_of(receive: &Receive, ssrc: u32, repair: bool, marks: &Marks<'_>) -> Option<usize> {
    if receive.rids.len() < 2 {
        return Some(0);
    }
    let rid = if repair { marks.repaired_rid.or(marks.rid) } else { marks.rid };
    if let Some(rid) = rid {
        return receive.rids.iter().position(|known| known.as_bytes() == rid);
    }
    let media = match repair {
        true => receive.rtx_ssrcs.iter().find(|&&(_, rtx)| rtx == ssrc)?.0,
        false => ssrc,
    };
    receive.ssrcs.iter().position(|&known| known == media).filter(|&at| at < receive.rids.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::description::{Codec, CodecName};
    use crate::rtp::packet::OutHeader;

    fn receive(mid: &str, source: Source, rids: &[&str]) -> Receive {
        let codec = Codec {
            name: CodecName::Vp8,
            payload_type: 96,
            rtx: Some(97),
            clock_rate: 90_000,
            nack: true,
            pli: true,
            fir: false,
            transport_cc: true,
        };
        let rids = rids.iter().map(ToString::to_string).collect();
        Receive { mid: mid.to_owned(), source, codec, rids, ssrcs: vec![], rtx_ssrcs: vec![] }
    }

    fn header(payload_type: u8, ssrc: u32) -> Header {
        let mut bytes = [0; 64];
        let out =
            OutHeader { marker: false, payload_type, sequence: 1, timestamp: 1, ssrc, transport_cc: None, mid: None };
        let length = out.write(&mut bytes);
        Header::parse(&bytes[..length]).unwrap()
    }

    fn found(receive: u8, layer: u8, repair: bool) -> Option<Binding> {
        Some(Binding { receive, layer, repair })
    }

    #[test]
    fn chromium_simulcast_by_mid_and_rid() {
        let receives = [receive("1", Source::Camera, &["q", "h", "f"]), receive("2", Source::Screen, &[])];
        let camera = Marks { mid: Some(b"1"), ..Marks::default() };
        let h = Marks { rid: Some(b"h"), ..camera };
        assert_eq!(resolve(&receives, &header(96, 5), &h), found(0, 1, false));
        let repair = Marks { repaired_rid: Some(b"f"), ..camera };
        assert_eq!(resolve(&receives, &header(97, 6), &repair), found(0, 2, true));
        assert_eq!(resolve(&receives, &header(96, 7), &camera), None, "which layer? wait for a rid");
        let unknown = Marks { rid: Some(b"z"), ..camera };
        assert_eq!(resolve(&receives, &header(96, 7), &unknown), None);
        assert_eq!(resolve(&receives, &header(96, 7), &Marks::default()), None, "two sections have it");
        let screen = Marks { mid: Some(b"2"), ..Marks::default() };
        assert_eq!(resolve(&receives, &header(96, 7), &screen), found(1, 0, false));
        assert_eq!(resolve(&receives, &header(99, 7), &screen), None, "not agreed on");
    }

    #[test]
    fn firefox_simulcast_by_ssrc() {
        let mut camera = receive("1", Source::Camera, &["l", "m", "h"]);
        (camera.ssrcs, camera.rtx_ssrcs) = (vec![11, 12, 13], vec![(11, 21), (12, 22), (13, 23)]);
        let receives = [camera, receive("2", Source::Screen, &[])];
        assert_eq!(resolve(&receives, &header(96, 13), &Marks::default()), found(0, 2, false));
        assert_eq!(resolve(&receives, &header(97, 22), &Marks::default()), found(0, 1, true));
        let m = Marks { rid: Some(b"m"), ..Marks::default() };
        assert_eq!(resolve(&receives, &header(96, 13), &m), found(0, 1, false), "the packet knows better");
    }

    #[test]
    fn a_lone_section_needs_no_marks() {
        let receives = [receive("1", Source::Camera, &[])];
        assert_eq!(resolve(&receives, &header(96, 5), &Marks::default()), found(0, 0, false));
        assert_eq!(resolve(&receives, &header(97, 5), &Marks::default()), found(0, 0, true));
    }

    #[test]
    fn levels_are_told_packet_by_packet_at_first_and_seldom_later() {
        let (mut meter, start) = (LevelMeter { loudest: 127, next: None, began: None }, Instant::now());
        let mut told = |ms, level| meter.observe(level, start + Duration::from_millis(ms));
        assert_eq!(told(0, 70), None);
        assert_eq!([told(20, 40), told(40, 20), told(60, 30)], [Some(40), Some(20), Some(30)]);
        assert_eq!([told(120, 50), told(140, 20), told(200, 50)], [Some(50), None, None]);
        assert_eq!([told(220, 50), told(330, 90)], [Some(20), None]);
        assert_eq!([told(800, 40), told(820, 41)], [Some(40), Some(41)], "another turn");
    }
}
