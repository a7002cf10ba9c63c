//! The handle on the net thread: everybody else only sends it commands.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::Instant;

use crate::domain::ids::{PeerId, SlotIndex, Source, TrackId};
use crate::rtp::description::{CodecName, PeerMedia};
use crate::rtp::router::{Counters, SrtpKeys, View};
use crate::rtp::sink::PacketSink;
use crate::sdp::Candidate;

pub use super::drops::SocketDrops;
use super::event_loop::EventLoop;
use super::{address, udp};

/// Packets of mixes that may wait for the net thread before new ones are dropped: about a second of several rooms.
const MOST_PUBLISHED: usize = 4096;

/// What the net thread tells about a peer. Handlers run on the net thread: they must only send it on.
pub type EventHandler = Box<dyn Fn(NetEvent) + Send>;

/// Something about one peer.
#[derive(Debug)]
pub enum NetEvent {
    /// The client nominated a path: DTLS may start.
    PathFound,
    /// A DTLS record from the client.
    Dtls(Vec<u8>),
    /// The client has been silent for too long; nothing more is sent to it.
    Silent,
    /// The first packets of a track.
    TrackStarted(Source),
    /// The loudest level of its microphone since the last report, in -dBov.
    Level(u8),
    /// A viewer needs a key frame of this publisher's track (only publishers of this process hear it).
    KeyFrameWanted(Source),
    /// How much its line carries, and what the lowest layers of all it is shown need, in bits/s.
    Line {
        /// The estimate.
        estimate: u32,
        /// The need.
        needed: u32,
    },
    /// How much of a source anybody takes.
    Watched {
        /// Which of its tracks.
        source: Source,
        /// The lowest so many layers; 0 is nobody.
        layers: u8,
        /// Lines that are enough for the largest of them.
        height: Option<u16>,
    },
}

/// A media session to be carried.
pub struct NewPeer {
    /// Its name.
    pub peer: PeerId,
    /// RTCP CNAME of what it publishes.
    pub cname: String,
    /// Our half of its ICE credentials, from the answer.
    pub ufrag: String,
    /// The password that checks must know.
    pub password: String,
    /// What was negotiated.
    pub media: PeerMedia,
    /// Who hears of it.
    pub events: EventHandler,
}

pub(super) enum Command {
    AddPeer(Box<NewPeer>),
    AddPublisher { peer: PeerId, cname: String, tracks: Vec<(Source, CodecName)>, events: EventHandler },
    SetKeys { peer: PeerId, keys: SrtpKeys },
    Dtls { peer: PeerId, record: Vec<u8> },
    RemovePeer { peer: PeerId },
    Assign { viewer: PeerId, slot: SlotIndex, view: View },
    Aim { viewer: PeerId, bitrate: u32 },
    Silence { track: TrackId, silenced: bool },
    Subscribe { id: u64, track: TrackId, height: u16, sink: Box<dyn PacketSink> },
    Resize { id: u64, height: u16 },
    Unsubscribe { id: u64 },
    RequestKeyFrame { id: u64 },
    Publish { track: TrackId, packet: Vec<u8>, composed: Instant },
    Counters(mpsc::Sender<(Counters, SocketDrops)>),
}

/// The net thread, as everybody else sees it. Cheap to clone; the thread ends with the process.
#[derive(Clone)]
pub struct Net {
    shared: Arc<Shared>,
}

struct Shared {
    commands: mpsc::Sender<Command>,
    waker: mio::Waker,
    published: Arc<AtomicUsize>,
    candidates: Vec<Candidate>,
    port: u16,
}

impl Net {
    /// Opens the media port and starts the thread. Clients are told `addresses`, or every usable local one where the list is
    /// empty. Port 0 takes a free one.
    ///
    /// # Errors
    /// The port is taken for UDP or TCP, or the machine has no usable address.
    pub fn start(port: u16, addresses: &[IpAddr], seed: u64) -> io::Result<Self> {
        let (udp, listener) = udp::bind(port)?;
        let port = udp.port()?;
        let addresses = if addresses.is_empty() { address::usable()? } else { addresses.to_vec() };
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), super::event_loop::WAKER)?;
        let (commands, receiver) = mpsc::channel();
        let published = Arc::new(AtomicUsize::new(0));
        let inbox = (receiver, published.clone());
        let (told, started) = mpsc::channel();
        // Built there: what it sends with can't change threads.
        std::thread::Builder::new().name("net".into()).spawn(move || {
            let event_loop = EventLoop::new(poll, udp, listener, inbox, seed);
            // Nobody waits for the answer but below.
            let _ = told.send(event_loop.as_ref().map(|_| ()).map_err(|error| error.kind()));
            if let Ok(event_loop) = event_loop {
                event_loop.run();
            }
        })?;
        started.recv().map_err(io::Error::other)??;
        let candidates = address::candidates(&addresses, port);
        Ok(Self { shared: Arc::new(Shared { commands, waker, published, candidates, port }) })
    }

    /// What clients are told.
    pub fn candidates(&self) -> &[Candidate] {
        &self.shared.candidates
    }

    /// The media port in use.
    pub fn port(&self) -> u16 {
        self.shared.port
    }

    /// Carry this peer from now on. RTP flows once its keys are set.
    pub fn add_peer(&self, new: NewPeer) {
        self.send(Command::AddPeer(Box::new(new)));
    }

    /// A publisher inside this process (a mix): its packets come by [`Self::publish`].
    pub fn add_publisher(&self, peer: PeerId, cname: &str, tracks: &[(Source, CodecName)], events: EventHandler) {
        self.send(Command::AddPublisher { peer, cname: cname.to_owned(), tracks: tracks.to_vec(), events });
    }

    /// DTLS is done: these keys protect everything from now on.
    pub fn set_keys(&self, peer: PeerId, keys: SrtpKeys) {
        self.send(Command::SetKeys { peer, keys });
    }

    /// A DTLS record for the client.
    pub fn send_dtls(&self, peer: PeerId, record: &[u8]) {
        self.send(Command::Dtls { peer, record: record.to_vec() });
    }

    /// Forget a peer or publisher. Its tracks leave every slot and subscription.
    pub fn remove_peer(&self, peer: PeerId) {
        self.send(Command::RemovePeer { peer });
    }

    /// Re-point a slot of a viewer.
    pub fn assign(&self, viewer: PeerId, slot: SlotIndex, view: View) {
        self.send(Command::Assign { viewer, slot, view });
    }

    /// Probe a viewer's line for this many bit/s, though less is sent to it; 0 ends it.
    pub fn aim(&self, viewer: PeerId, bitrate: u32) {
        self.send(Command::Aim { viewer, bitrate });
    }

    /// Drop a track where it enters, or stop dropping it.
    pub fn silence(&self, track: TrackId, silenced: bool) {
        self.send(Command::Silence { track, silenced });
    }

    /// Take a track's packets inside this process, under an id of the caller's choice.
    pub fn subscribe(&self, id: u64, track: TrackId, height: u16, sink: Box<dyn PacketSink>) {
        self.send(Command::Subscribe { id, track, height, sink });
    }

    /// Another layer may fit a subscription better.
    pub fn resize(&self, id: u64, height: u16) {
        self.send(Command::Resize { id, height });
    }

    /// End a subscription.
    pub fn unsubscribe(&self, id: u64) {
        self.send(Command::Unsubscribe { id });
    }

    /// A subscription needs a key frame.
    pub fn request_key_frame(&self, id: u64) {
        self.send(Command::RequestKeyFrame { id });
    }

    /// One RTP packet of a publisher of this process. Dropped when the net thread is far behind.
    pub fn publish(&self, track: TrackId, packet: &[u8], composed: Instant) {
        if self.shared.published.fetch_add(1, Ordering::Relaxed) >= MOST_PUBLISHED {
            self.shared.published.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        self.send(Command::Publish { track, packet: packet.to_vec(), composed });
    }

    /// What the router did, and what never came to it. Blocks until the net thread has answered (well under a millisecond).
    pub fn counters(&self) -> Option<(Counters, SocketDrops)> {
        let (reply, answer) = mpsc::channel();
        self.send(Command::Counters(reply));
        answer.recv_timeout(std::time::Duration::from_secs(1)).ok()
    }

    fn send(&self, command: Command) {
        // Both fail only when the net thread is gone, and then there is no media to speak of.
        if self.shared.commands.send(command).is_ok() {
            let _ = self.shared.waker.wake();
        }
    }
}
