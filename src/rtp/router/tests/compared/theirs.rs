//! Two of str0m's peers: one with its estimator, prober and pacer, one that answers.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use str0m::bwe::{Bitrate, BweKind};
use str0m::crypto::from_feature_flags;
use str0m::format::Codec;
use str0m::media::{MediaKind, Pt};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpWrite, Ssrc};
use str0m::{Candidate, Event, Input, Output, Rtc};

use super::super::emulated::LATENCY;
use super::super::harness::ms;
use super::{Datagram, Kind, Pair, START};

const SSRC: u32 = 42;
const RTX: u32 = 44;

pub(super) struct Theirs {
    sender: Rtc,
    viewer: Rtc,
    payload_type: Pt,
    sequence: u64,
    estimate: f64,
    sent: Vec<Vec<u8>>,
    /// On the way back.
    answers: VecDeque<(Instant, Vec<u8>)>,
    start: Instant,
}

fn address(host: u8) -> SocketAddr {
    (Ipv4Addr::new(host, host, host, host), 1000).into()
}

impl Theirs {
    pub(super) fn new() -> (Theirs, Instant) {
        from_feature_flags().install_process_default();
        let start = Instant::now();
        let sender = Rtc::builder().set_rtp_mode(true).enable_bwe(Some(Bitrate::from(START))).build(start);
        let viewer = Rtc::builder().set_rtp_mode(true).build(start);
        let payload_type = sender.codec_config().find(|codec| codec.spec().codec == Codec::Vp8).unwrap().pt();
        let mut theirs = Theirs {
            sender,
            viewer,
            payload_type,
            sequence: 1,
            estimate: START as f64,
            sent: vec![],
            answers: VecDeque::new(),
            start,
        };
        let begin = theirs.connect();
        (theirs, begin)
    }

    /// Connects them over a perfect line; when that was done.
    fn connect(&mut self) -> Instant {
        let (sender, viewer) = (&mut self.sender, &mut self.viewer);
        for (rtc, other, own) in [(&mut *sender, 2, 1), (&mut *viewer, 1, 2)] {
            rtc.add_local_candidate(Candidate::host(address(own), "udp").unwrap()).unwrap();
            rtc.add_remote_candidate(Candidate::host(address(other), "udp").unwrap());
        }
        let prints = [&mut *sender, &mut *viewer].map(|rtc| rtc.direct_api().local_dtls_fingerprint().clone());
        let credentials = [&mut *sender, &mut *viewer].map(|rtc| rtc.direct_api().local_ice_credentials());
        let [sender_print, viewer_print] = prints;
        let [sender_credentials, viewer_credentials] = credentials;
        let peers =
            [(sender, viewer_print, viewer_credentials, true), (viewer, sender_print, sender_credentials, false)];
        for (rtc, print, credentials, active) in peers {
            let mut api = rtc.direct_api();
            api.set_remote_fingerprint(print);
            api.set_remote_ice_credentials(credentials);
            api.set_ice_controlling(active);
            api.start_dtls(active).unwrap();
            let (ssrc, repair) = (Ssrc::from(SSRC), Ssrc::from(RTX));
            api.declare_media("vid".into(), MediaKind::Video);
            if active {
                api.declare_stream_tx(ssrc, Some(repair), "vid".into(), None);
            } else {
                api.expect_stream_rx(ssrc, Some(repair), "vid".into(), None);
                api.enable_twcc_feedback();
            }
        }
        for tick in 0..10_000 {
            let now = self.start + ms(tick);
            for datagram in self.poll(now, super::WANTED) {
                self.arrive(now, datagram);
            }
            if self.sender.is_connected() && self.viewer.is_connected() {
                return now;
            }
        }
        unreachable!("they connect");
    }

    /// The sender hears something; what it says to that is kept.
    fn take(&mut self, input: Input<'_>) {
        self.sender.handle_input(input).unwrap();
        let estimate = &mut self.estimate;
        self.sent.extend(drain(&mut self.sender, |event| {
            if let Event::EgressBitrateEstimate(BweKind::Twcc { estimate: told, .. }) = event {
                *estimate = told.as_f64();
            }
        }));
    }

    fn kind(&self, bytes: &[u8]) -> Kind {
        let is_media = bytes.len() > 12 && (128..192).contains(&bytes[0]) && bytes[8..12] == SSRC.to_be_bytes();
        // Reports have types from 200 on.
        if is_media && bytes[1] & 0x7f == *self.payload_type { Kind::Media } else { Kind::Probe }
    }
}

fn received(now: Instant, (from, to): (u8, u8), bytes: &[u8]) -> Input<'_> {
    let contents = bytes.try_into().unwrap();
    let proto = Protocol::Udp;
    Input::Receive(now, Receive { proto, source: address(from), destination: address(to), contents })
}

/// What a peer has to say.
fn drain(rtc: &mut Rtc, mut event: impl FnMut(Event)) -> Vec<Vec<u8>> {
    let mut datagrams = vec![];
    loop {
        match rtc.poll_output().unwrap() {
            Output::Timeout(_) => return datagrams,
            Output::Transmit(transmit) => datagrams.push(transmit.contents.to_vec()),
            Output::Event(told) => event(told),
        }
    }
}

impl Pair for Theirs {
    fn write(&mut self, now: Instant, payload: usize) {
        let timestamp = ((now - self.start).as_millis() * 90) as u32;
        let write = RtpWrite::new(self.payload_type, self.sequence.into(), timestamp, now, vec![0x90; payload]);
        self.sequence += 1;
        let mut api = self.sender.direct_api();
        api.stream_tx(&SSRC.into()).unwrap().write_rtp(write.nackable(false));
        self.take(Input::Timeout(now));
    }

    fn poll(&mut self, now: Instant, wanted: f64) -> Vec<Datagram> {
        self.sender.bwe().set_desired_bitrate(Bitrate::from(wanted));
        while let Some((_, answer)) = self.answers.pop_front_if(|(at, _)| *at <= now) {
            self.take(received(now, (2, 1), &answer));
        }
        self.take(Input::Timeout(now));
        self.viewer.handle_input(Input::Timeout(now)).unwrap();
        let answers = drain(&mut self.viewer, |_| {});
        self.answers.extend(answers.into_iter().map(|answer| (now + LATENCY, answer)));
        let sent = std::mem::take(&mut self.sent);
        sent.into_iter().map(|bytes| Datagram::new(bytes.clone(), now, self.kind(&bytes))).collect()
    }

    fn arrive(&mut self, now: Instant, datagram: Datagram) {
        self.viewer.handle_input(received(now, (1, 2), &datagram.bytes[..datagram.length])).unwrap();
        let answers = drain(&mut self.viewer, |_| {});
        self.answers.extend(answers.into_iter().map(|answer| (now + LATENCY, answer)));
    }

    fn estimate(&self) -> f64 {
        self.estimate
    }
}
