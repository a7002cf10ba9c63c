//! A client of the net thread: a socket, its password and its SRTP keys. It publishes a camera and has one slot for one.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::ops::Range;
use std::time::Duration;

use stun_types::attribute::{AttributeType, RawAttribute, Username};
use stun_types::message::{BINDING, IntegrityAlgorithm, Message, MessageWrite, MessageWriteExt, MessageWriteVec};

use crate::domain::ids::{MediaKind, PeerId, Priority, SlotIndex, Source, TrackId};
use crate::rtp::description::{Codec, CodecName, Extensions, PeerMedia, Receive, Slot};
use crate::rtp::packet::is_rtcp;
use crate::rtp::router::{SrtpKeys, View};
use crate::rtp::srtp::{Sender, TAG};
use crate::transport::net::{Net, NetEvent, NewPeer};
use crate::transport::stun;

pub(super) const SLOT: SlotIndex = SlotIndex(0);
/// How long an answer on loopback may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(1);

/// That peer's camera in a slot.
pub(super) fn picture_of(peer: PeerId) -> View {
    let feed = Some(TrackId { peer, source: Source::Camera });
    View { feed, height: 0, priority: Priority::Other }
}

pub(super) fn media_address(net: &Net) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], net.port()))
}

/// A Binding request: `username` is the server's name for the peer, a colon, and the client's own.
pub(super) fn check(username: &str, password: &str, nominates: bool) -> Vec<u8> {
    let mut request = Message::builder_request(BINDING, MessageWriteVec::new());
    request.add_attribute(&Username::new(username).unwrap()).unwrap();
    if nominates {
        request.push_attribute_unchecked(&RawAttribute::new(AttributeType::new(0x0025), &[]));
    }
    request.add_message_integrity_with_key(&stun::key(password), IntegrityAlgorithm::Sha1).unwrap();
    request.add_fingerprint().unwrap();
    request.finish()
}

/// The net thread carries the peer from now on.
pub(super) fn add(net: &Net, peer: PeerId) -> PeerId {
    add_heard(net, peer, |_| {})
}

pub(super) fn add_heard(net: &Net, peer: PeerId, hear: impl Fn(NetEvent) + Send + 'static) -> PeerId {
    let (cname, ufrag, password) = (format!("c{peer}"), format!("ufrag-{}", peer.0), format!("password-{}", peer.0));
    net.add_peer(NewPeer { peer, cname, ufrag, password, media: picture(), events: Box::new(hear) });
    net.set_keys(peer, SrtpKeys { receive: [peer.0 as u8; 30], send: [peer.0 as u8 + 100; 30] });
    peer
}

fn picture() -> PeerMedia {
    let codec = Codec {
        name: CodecName::H264,
        payload_type: 96,
        rtx: None,
        clock_rate: 90_000,
        nack: false,
        pli: false,
        fir: false,
        transport_cc: false,
    };
    let receive = Receive {
        mid: "0".into(),
        source: Source::Camera,
        codec: codec.clone(),
        rids: vec![],
        ssrcs: vec![10],
        rtx_ssrcs: vec![],
    };
    let slot = Slot { mid: "1".into(), kind: MediaKind::Video, codecs: vec![codec], ssrc: 100, rtx_ssrc: 101 };
    PeerMedia { receives: vec![receive], slots: vec![slot], extensions: Extensions::default() }
}

enum Way {
    Udp(UdpSocket),
    Tcp(TcpStream),
}

/// See the module.
pub(super) struct Client {
    way: Way,
    to: SocketAddr,
    peer: PeerId,
    sender: Sender,
    /// Its own half of the ICE credentials.
    own: &'static str,
}

impl Client {
    pub(super) fn udp(net: &Net, peer: PeerId, from: &str) -> Client {
        Client::new(net, peer, Way::Udp(udp(from)))
    }

    /// One that knows the server by this address of it.
    pub(super) fn udp_to(net: &Net, peer: PeerId, from: &str, server: IpAddr) -> Client {
        Client { to: SocketAddr::new(server, net.port()), ..Client::udp(net, peer, from) }
    }

    pub(super) fn tcp(net: &Net, peer: PeerId, stream: TcpStream) -> Client {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Client::new(net, peer, Way::Tcp(stream))
    }

    fn new(net: &Net, peer: PeerId, way: Way) -> Client {
        Client { way, to: media_address(net), peer, sender: Sender::new(&[peer.0 as u8; 30]), own: "first" }
    }

    /// From another address from now on, without a word.
    pub(super) fn rebind(&mut self, from: &str) {
        self.way = Way::Udp(udp(from));
    }

    /// With other ICE credentials of its own from now on.
    pub(super) fn restart(&mut self) {
        self.own = "second";
    }

    pub(super) fn send(&mut self, datagram: &[u8]) {
        match &mut self.way {
            Way::Udp(socket) => assert_eq!(socket.send_to(datagram, self.to).unwrap(), datagram.len()),
            Way::Tcp(stream) => {
                let length = u16::try_from(datagram.len()).unwrap().to_be_bytes();
                stream.write_all(&[&length[..], datagram].concat()).unwrap();
            }
        }
    }

    fn receive(&mut self) -> Option<Vec<u8>> {
        let mut datagram = vec![0; 2048];
        match &mut self.way {
            Way::Udp(socket) => {
                let (length, from) = socket.recv_from(&mut datagram).ok()?;
                assert_eq!(from, self.to);
                datagram.truncate(length);
            }
            Way::Tcp(stream) => {
                let mut length = [0; 2];
                stream.read_exact(&mut length).ok()?;
                datagram.truncate(usize::from(u16::from_be_bytes(length)));
                stream.read_exact(&mut datagram).ok()?;
            }
        }
        Some(datagram)
    }

    /// Sends a connectivity check; whether it is answered.
    pub(super) fn check(&mut self, nominates: bool) -> bool {
        let (username, password) = (format!("ufrag-{}:{}", self.peer.0, self.own), format!("password-{}", self.peer.0));
        self.send(&check(&username, &password, nominates));
        while let Some(datagram) = self.receive() {
            if datagram[0] < 4 {
                return Message::from_bytes(&datagram).is_ok();
            }
        }
        false
    }

    fn frame(&self, number: u64, length: usize) -> Vec<u8> {
        let mut packet = vec![0x80, 96];
        packet.extend((number as u16).to_be_bytes());
        packet.extend((number as u32 * 3000).to_be_bytes());
        packet.extend(10u32.to_be_bytes());
        // An IDR slice: a viewer may begin with any of them.
        packet.push(0x65);
        packet.resize(12 + length, 7);
        let plain = packet.len();
        packet.resize(plain + TAG, 0);
        self.sender.rtp(&mut packet, 12, plain, 10, number);
        packet
    }

    /// A protected packet of its camera.
    pub(super) fn packet(&self, number: u64) -> Vec<u8> {
        self.frame(number, 80)
    }

    /// Sends these packets of its camera.
    pub(super) fn film(&mut self, numbers: Range<u64>) {
        numbers.for_each(|number| self.send(&self.packet(number)));
    }

    /// The same with as much in each as fits.
    pub(super) fn film_large(&mut self, numbers: Range<u64>) {
        numbers.for_each(|number| self.send(&self.frame(number, 1200)));
    }

    /// How many of `expected` media packets come.
    pub(super) fn count(&mut self, expected: u64) -> u64 {
        let mut got = 0;
        while got < expected {
            match self.receive() {
                None => break,
                Some(datagram) => got += u64::from(datagram[0] >= 128 && !is_rtcp(&datagram)),
            }
        }
        got
    }

    /// The sequence numbers and lengths of the next media packets, as many as come of `expected`.
    pub(super) fn packets(&mut self, expected: usize) -> Vec<(u16, usize)> {
        let datagrams =
            std::iter::from_fn(|| self.receive()).filter(|datagram| datagram[0] >= 128 && !is_rtcp(datagram));
        datagrams.take(expected).map(|packet| (u16::from_be_bytes([packet[2], packet[3]]), packet.len())).collect()
    }

    /// Whether that many media packets come.
    pub(super) fn receives(&mut self, count: u64) -> bool {
        self.count(count) == count
    }
}

fn udp(from: &str) -> UdpSocket {
    let socket = UdpSocket::bind(from).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}
