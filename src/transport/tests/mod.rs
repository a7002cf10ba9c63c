//! The net thread over loopback: floods, slow readers, clients whose address changes. Clients are sockets here that know
//! their keys; nothing of DTLS.

mod client;

use std::net::{IpAddr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use client::*;

use super::net::{Net, NetEvent};
use crate::domain::ids::PeerId;

const PUBLISHER: PeerId = PeerId(1);
const VIEWER: PeerId = PeerId(2);
const OTHER: PeerId = PeerId(3);

#[test]
fn a_flood_of_checks_from_one_address_keeps_nobody_else_out() {
    let net = net();
    add(&net, VIEWER);
    let flooder = UdpSocket::bind("127.0.0.2:0").unwrap();
    let to = media_address(&net);
    // The worst kind: a known name, so that each would cost an HMAC, and a wrong password.
    let guess = check("ufrag-2:any", "wrong", true);
    for _ in 0..20_000 {
        // A full buffer drops it: that is what a flood is.
        let _ = flooder.send_to(&guess, to);
    }
    let mut viewer = Client::udp(&net, VIEWER, "127.0.0.3:0");
    let started = Instant::now();
    while !viewer.check(true) {
        assert!(started.elapsed() < Duration::from_secs(10), "never answered");
    }
    let (_, drops) = net.counters().unwrap();
    println!(
        "{} of 20,000 checks of one source dropped unread; another answered after {:?}",
        drops.checks,
        started.elapsed()
    );
    assert!(drops.checks > 5000, "{drops:?}");
}

#[test]
fn one_address_opens_only_so_many_connections_without_proof() {
    let net = net();
    add(&net, VIEWER);
    let to = media_address(&net);
    let from = |ip: [u8; 4]| -> std::net::TcpStream {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((ip, 0)).into()).unwrap();
        socket.connect(&to.into()).unwrap();
        socket.into()
    };
    let hoarded: Vec<_> = (0..200).map(|_| from([127, 0, 0, 2])).collect();
    let mut viewer = Client::tcp(&net, VIEWER, from([127, 0, 0, 3]));
    assert!(viewer.check(true), "somebody else still comes in");
    let (_, drops) = net.counters().unwrap();
    assert_eq!(drops.connections, 200 - 64);
    drop(hoarded);
}

#[test]
fn a_client_with_a_new_address_takes_its_media_along() {
    let net = net();
    let (mut publisher, mut viewer) = meet(&net);
    publisher.film(0..20);
    assert!(viewer.receives(10));
    viewer.rebind("127.0.0.4:0");
    publisher.film(20..40);
    assert!(!viewer.receives(1), "an address that has proven nothing gets nothing");
    assert!(viewer.check(true));
    publisher.film(40..60);
    assert!(viewer.receives(10), "a nomination from the new address is enough");
    // An ICE restart as the server sees it: another address, and another name of the client's own.
    viewer.rebind("127.0.0.5:0");
    viewer.restart();
    assert!(viewer.check(true));
    publisher.film(60..80);
    assert!(viewer.receives(10));
}

#[test]
fn who_only_knows_the_name_takes_nothing_over() {
    let net = net();
    let (mut publisher, mut viewer) = meet(&net);
    let thief = UdpSocket::bind("127.0.0.5:0").unwrap();
    thief.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    thief.send_to(&check("ufrag-2:any", "guess", true), media_address(&net)).unwrap();
    // An authentic packet, repeated from elsewhere.
    let packet = publisher.packet(1);
    thief.send_to(&packet, media_address(&net)).unwrap();
    assert!(thief.recv(&mut [0; 100]).is_err(), "no answer");
    publisher.film(2..22);
    assert!(viewer.receives(10));
}

#[test]
fn a_viewer_that_stops_reading_is_dropped_from_and_nobody_waits() {
    let net = net();
    let mut publisher = Client::udp(&net, add(&net, PUBLISHER), "127.0.0.1:0");
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    // Small, so that little is on its way before anything waits here.
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&media_address(&net).into()).unwrap();
    let stream = socket.into();
    let mut stuck = Client::tcp(&net, add(&net, VIEWER), stream);
    let mut other = Client::udp(&net, add(&net, OTHER), "127.0.0.1:0");
    assert!(publisher.check(true) && stuck.check(true) && other.check(true));
    net.assign(VIEWER, SLOT, picture_of(PUBLISHER));
    net.assign(OTHER, SLOT, picture_of(PUBLISHER));
    let (mut sent, mut got) = (0, 0);
    let started = Instant::now();
    while net.counters().unwrap().1.backlog < 200 && started.elapsed() < Duration::from_secs(60) {
        publisher.film_large(sent..sent + 50);
        sent += 50;
        got += other.count(50);
    }
    let (counters, drops) = net.counters().unwrap();
    println!("{sent} packets: the reader got {got}, {} were dropped for the one who reads nothing", drops.backlog);
    assert!(drops.backlog >= 200, "{drops:?} {counters:?}");
    // The test films faster than any camera.
    assert_eq!(got, sent - counters.dropped.over_ceiling, "the other viewer missed nothing");
}

#[test]
fn everybody_gets_all_in_order_from_the_address_they_spoke_to() {
    let net = net();
    let mut publisher = Client::udp(&net, add(&net, PUBLISHER), "127.0.0.1:0");
    assert!(publisher.check(true));
    let servers = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 9]), Ipv6Addr::LOCALHOST.into()];
    let mut viewers: Vec<Client> = (2..14)
        .map(PeerId)
        .zip(servers.into_iter().cycle())
        .map(|(peer, server)| {
            let from = if server.is_ipv4() { "127.0.0.1:0" } else { "[::1]:0" };
            Client::udp_to(&net, add(&net, peer), from, server)
        })
        .collect();
    // Once it answers, what was asked before is done: no check comes too early.
    net.counters().unwrap();
    for (peer, viewer) in (2..).map(PeerId).zip(&mut viewers) {
        assert!(viewer.check(true));
        net.assign(peer, SLOT, picture_of(PUBLISHER));
    }
    net.counters().unwrap();
    // Two long ones and a short one, like frames.
    (0..60).for_each(|number| {
        if number % 3 < 2 {
            publisher.film_large(number..number + 1);
        } else {
            publisher.film(number..number + 1);
        }
    });
    for viewer in &mut viewers {
        let packets = viewer.packets(60);
        assert_eq!(packets.len(), 60);
        let first = packets[0].0;
        for (number, (sequence, length)) in (0..).zip(packets) {
            assert_eq!(sequence, first.wrapping_add(number));
            assert_eq!(length > 1000, number % 3 < 2, "cut where it was joined");
        }
    }
}

#[test]
fn dtls_comes_from_proven_addresses_alone_and_not_without_end() {
    let net = net();
    let (events, heard) = mpsc::channel();
    add_heard(&net, VIEWER, move |event| {
        if let NetEvent::Dtls(record) = event {
            events.send(record.len()).unwrap();
        }
    });
    let record = [22u8; 300];
    let stranger = UdpSocket::bind("127.0.0.6:0").unwrap();
    for _ in 0..100 {
        stranger.send_to(&record, media_address(&net)).unwrap();
    }
    let mut viewer = Client::udp(&net, VIEWER, "127.0.0.1:0");
    assert!(viewer.check(true));
    for _ in 0..1000 {
        viewer.send(&record);
    }
    assert!(viewer.check(true), "checks have a budget of their own");
    let (_, drops) = net.counters().unwrap();
    let taken = heard.try_iter().count() as u64;
    assert!((100..=300).contains(&taken) && drops.dtls >= 500, "{taken} taken, {drops:?}");
}

fn net() -> Net {
    Net::start(0, &[IpAddr::from([127, 0, 0, 1])], 7).unwrap()
}

/// A publisher and a viewer who sees it, both over UDP.
fn meet(net: &Net) -> (Client, Client) {
    let mut publisher = Client::udp(net, add(net, PUBLISHER), "127.0.0.1:0");
    let mut viewer = Client::udp(net, add(net, VIEWER), "127.0.0.1:0");
    assert!(publisher.check(true) && viewer.check(true));
    net.assign(VIEWER, SLOT, picture_of(PUBLISHER));
    // Once it answers, what was asked before is done.
    net.counters().unwrap();
    (publisher, viewer)
}
