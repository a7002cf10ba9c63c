//! Transport-wide feedback to publishers.

use rtcp_types::{Packet, Twcc, TwccPacketStatus};

use super::harness::*;

/// All feedback a peer got: (number, arrival in ms since the start).
fn reported(net: &mut Net) -> Vec<(u16, Option<f64>)> {
    let mut all = Vec::new();
    for compound in net.rtcp(ALICE) {
        for packet in parse(&compound) {
            let Packet::TransportFeedback(feedback) = packet else { continue };
            let Ok(twcc) = feedback.parse_fci::<Twcc<'_>>() else { continue };
            assert_eq!(feedback.media_ssrc(), 10);
            let mut time = f64::from(twcc.reference_time()) * 64.0;
            for status in twcc.packets() {
                let (number, status) = status.unwrap();
                let at = match status {
                    TwccPacketStatus::NotReceived => None,
                    TwccPacketStatus::Received { delta } => {
                        time += f64::from(delta) * 0.25;
                        Some(time)
                    }
                };
                all.push((number, at));
            }
        }
    }
    all
}

#[test]
fn arrivals_are_reported_every_few_dozen_milliseconds() {
    let mut net = Net::trio();
    let mut sent = Vec::new();
    for index in 0..50u64 {
        let number = 65_520u16.wrapping_add(index as u16);
        if index % 7 != 3 {
            let at = net.now.duration_since(net.start).as_secs_f64() * 1000.0;
            sent.push((number, at));
            net.send(ALICE, &Draft::audio(10, index, 50).element(TRANSPORT_CC, &number.to_be_bytes()));
        }
        net.pass(ms(20));
    }
    net.pass(ms(200));
    let messages = net.router.counters().feedback_sent;
    assert!((10..=20).contains(&messages), "in one second: {messages}");
    let got = reported(&mut net);
    let numbers: Vec<u16> = got.iter().map(|&(number, _)| number).collect();
    assert_eq!(numbers, (0..50).map(|index| 65_520u16.wrapping_add(index)).collect::<Vec<_>>(), "no number left out");
    let arrived: Vec<(u16, f64)> = got.iter().filter_map(|&(number, at)| Some((number, at?))).collect();
    assert_eq!(arrived.len(), sent.len());
    for ((number, at), (sent_number, sent_at)) in arrived.iter().zip(&sent) {
        assert_eq!(number, sent_number);
        assert!((at - sent_at).abs() < 0.5, "{number}: {at} {sent_at}");
    }
    net.pass(ms(5000));
    assert_eq!(net.router.counters().feedback_sent, messages, "nothing to say, nothing said");
}

#[test]
fn send_times_are_kept_for_the_estimator() {
    let mut net = Net::trio();
    net.assign(BOB, VIDEO_SLOT, Some(camera_of(ALICE)), 360);
    net.frame(ALICE, 1, true);
    let elements = &net.rtp(BOB, 200)[0].elements;
    assert_eq!(elements[0], (TRANSPORT_CC, vec![0, 0]));
    net.pass(ms(10));
    assert_eq!(net.router.sent(BOB, 0).map(|(at, _)| at), Some(net.start));
    assert_eq!(net.router.sent(BOB, 1), None);
}
