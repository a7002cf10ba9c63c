//! One person's peer connection: a str0m `Rtc`, its UDP socket, what it sends and what it watches.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::socket::{setsockopt, sockopt};
use str0m::format::Codec;
use str0m::media::MediaKind;
use str0m::net::{Protocol, Receive};
use str0m::rtp::{RtpPacket, Ssrc};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};

use crate::publish::{Pts, Publisher, Wanted};
use crate::stamp;
use crate::watch::{Counts, Packet, SlotWatch};

/// Room for a burst of key frames while the thread is busy with others.
const SOCKET_BUFFER: usize = 1 << 20;

/// What happened to a person, told once each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Happening {
    /// ICE and DTLS are done; so long after the click.
    Connected(Duration),
    /// A whole picture of somebody arrived; so long after the click.
    FirstPicture(Duration),
    /// The connection ended by itself: why.
    Failed(String),
}

/// A connection and its socket.
pub(crate) struct Connection {
    /// Whose.
    pub(crate) person: u16,
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    publisher: Option<Publisher>,
    slots: HashMap<Ssrc, SlotWatch>,
    clicked: Instant,
    told: Sender<(u16, Happening)>,
    connected: bool,
    pictured: bool,
    failed: bool,
    /// When `rtc` wants to be woken.
    wake: Instant,
    pts: Option<Pts>,
}

impl Connection {
    /// A socket on this address, and an `Rtc` that knows it.
    pub(crate) fn open(from: IpAddr) -> Result<(Rtc, UdpSocket)> {
        let socket = UdpSocket::bind((from, 0)).with_context(|| format!("cannot bind a socket on {from}"))?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true).context("no receive stamps")?;
        // Best effort: the system's limit may be lower.
        let _ = setsockopt(&socket, sockopt::RcvBuf, &SOCKET_BUFFER);
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .build(Instant::now());
        rtc.add_local_candidate(Candidate::host(socket.local_addr()?, Protocol::Udp)?);
        Ok((rtc, socket))
    }

    /// A negotiated connection, ready to be driven.
    pub(crate) fn new(
        person: u16,
        (rtc, socket): (Rtc, UdpSocket),
        clicked: Instant,
        told: Sender<(u16, Happening)>,
    ) -> Result<Self> {
        let local = socket.local_addr()?;
        Ok(Self {
            person,
            rtc,
            socket,
            local,
            publisher: None,
            slots: HashMap::new(),
            clicked,
            told,
            connected: false,
            pictured: false,
            failed: false,
            wake: Instant::now(),
            pts: None,
        })
    }

    /// This one sends, once connected.
    pub(crate) fn publish(mut self, publisher: Publisher) -> Self {
        self.publisher = Some(publisher);
        self
    }

    /// To say what of the camera is wanted; none where nothing is sent.
    pub(crate) fn wanted(&self) -> Option<Arc<Wanted>> {
        self.publisher.as_ref().map(Publisher::wanted)
    }

    /// When it must be driven, whatever arrives.
    pub(crate) fn due(&self) -> Instant {
        let publisher = self.publisher.as_ref().and_then(Publisher::due);
        publisher.map_or(self.wake, |due| due.min(self.wake))
    }

    /// Whether it is of no more use.
    pub(crate) fn is_over(&self) -> bool {
        self.failed
    }

    /// To wait for datagrams on.
    pub(crate) fn socket(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Sends what is due and lets `rtc` see the time.
    pub(crate) fn tick(&mut self, now: Instant) {
        if let (Some(publisher), Some(pts)) = (&mut self.publisher, self.pts) {
            publisher.write(now, &mut self.rtc, pts);
        }
        self.input(Input::Timeout(now), 0);
    }

    /// A datagram with the kernel's stamp.
    pub(crate) fn receive(&mut self, now: Instant, source: SocketAddr, datagram: &[u8], arrival: u64) {
        if let Ok(received) = Receive::new(Protocol::Udp, source, self.local, datagram) {
            self.input(Input::Receive(now, received), arrival);
        }
    }

    fn input(&mut self, input: Input, arrival: u64) {
        if self.failed {
            return;
        }
        if let Err(error) = self.rtc.handle_input(input) {
            return self.fail(&error.to_string());
        }
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(at)) => {
                    self.wake = at;
                    break;
                }
                // A full socket buffer loses the packet, as a network would.
                Ok(Output::Transmit(packet)) => drop(self.socket.send_to(&packet.contents, packet.destination)),
                Ok(Output::Event(event)) => self.event(event, arrival),
                Err(error) => return self.fail(&error.to_string()),
            }
        }
        if !self.rtc.is_alive() {
            self.fail("the server closed it");
        }
    }

    fn event(&mut self, event: Event, arrival: u64) {
        match event {
            Event::Connected => self.connect(),
            Event::RtpPacket(packet) => self.watch(&packet, arrival),
            Event::KeyframeRequest(request) => {
                if let Some(publisher) = &mut self.publisher {
                    publisher.key_frame(request.rid);
                }
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) => self.fail("no answer to ICE checks"),
            _ => {}
        }
    }

    fn connect(&mut self) {
        if self.connected {
            return;
        }
        self.connected = true;
        let pt = |codec| self.rtc.codec_config().find(|params| params.spec().codec == codec).map(|params| params.pt());
        self.pts = pt(Codec::Opus).zip(pt(Codec::Vp8)).map(|(opus, vp8)| Pts { opus, vp8 });
        if let Some(publisher) = &mut self.publisher {
            publisher.start(Instant::now());
        }
        self.tell(Happening::Connected(self.clicked.elapsed()));
    }

    fn watch(&mut self, packet: &RtpPacket, arrival: u64) {
        let ssrc = packet.header.ssrc;
        if !self.slots.contains_key(&ssrc) {
            let mid = self.rtc.direct_api().stream_rx(&ssrc).map(|stream| stream.mid());
            let kind = mid.and_then(|mid| self.rtc.media(mid)).map(|media| media.kind());
            self.slots.insert(ssrc, SlotWatch::new(kind == Some(MediaKind::Video)));
        }
        let Some(slot) = self.slots.get_mut(&ssrc) else { return };
        let payload = &packet.payload[..];
        let picture = slot.receive(Packet { seq: *packet.seq_no, arrival, marker: packet.header.marker, payload });
        if picture && !self.pictured {
            self.pictured = true;
            self.tell(Happening::FirstPicture(self.clicked.elapsed()));
        }
    }

    fn fail(&mut self, why: &str) {
        if !self.failed {
            self.failed = true;
            self.tell(Happening::Failed(why.to_owned()));
        }
    }

    fn tell(&self, happening: Happening) {
        // Nobody may be interested any more.
        let _ = self.told.send((self.person, happening));
    }

    /// Says goodbye (close_notify) and sends what that takes.
    pub(crate) fn close(&mut self) {
        self.rtc.disconnect();
        while let Ok(Output::Transmit(packet)) = self.rtc.poll_output() {
            let _ = self.socket.send_to(&packet.contents, packet.destination);
        }
        self.failed = true;
    }

    /// What was counted since the last time, of sound and of pictures, and how many slots went still.
    pub(crate) fn collect(&mut self) -> Seen {
        let mut seen = Seen { ports: vec![self.local.port()], ..Seen::default() };
        let now = stamp::now();
        for slot in self.slots.values_mut() {
            let counts = slot.collect();
            let (sum, slots) = if slot.is_video() {
                (&mut seen.video, &mut seen.video_slots)
            } else {
                (&mut seen.audio, &mut seen.audio_slots)
            };
            *slots += u64::from(counts.packets > 0);
            sum.add(counts);
            seen.still += u64::from(slot.is_video() && slot.is_still(now));
        }
        seen
    }
}

/// What viewers saw.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// Of sound.
    pub(crate) audio: Counts,
    /// Of pictures.
    pub(crate) video: Counts,
    /// Slots something arrived on.
    pub(crate) audio_slots: u64,
    /// Slots something arrived on.
    pub(crate) video_slots: u64,
    /// Slots whose picture stopped.
    pub(crate) still: u64,
    /// Local ports of the connections.
    pub(crate) ports: Vec<u16>,
}

impl Seen {
    /// Adds another viewer's.
    pub(crate) fn add(&mut self, other: Seen) {
        self.audio.add(other.audio);
        self.video.add(other.video);
        self.audio_slots += other.audio_slots;
        self.video_slots += other.video_slots;
        self.still += other.still;
        self.ports.extend(other.ports);
    }
}
