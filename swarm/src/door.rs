//! How a person gets into a room: what every target must offer, and the WebSocket both targets talk over.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::{Message, WebSocket};

use crate::clip::Clip;
use crate::connection::Happening;
use crate::engine::Engine;

/// An answer that takes longer is none.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What a person does in the room.
#[derive(Clone)]
pub(crate) struct Role {
    /// Sends this; none only watches.
    pub(crate) clip: Option<Arc<Clip>>,
    /// Sends the layers of the clip, or its only one.
    pub(crate) simulcast: bool,
    /// The place among those who talk.
    pub(crate) talks: Option<u8>,
    /// Slots for sound.
    pub(crate) audio_slots: usize,
    /// Slots for pictures.
    pub(crate) video_slots: usize,
}

/// Where the results of a join go.
#[derive(Clone)]
pub(crate) struct Place {
    /// Drives the connection.
    pub(crate) engine: Arc<Engine>,
    /// Hears what happens to it.
    pub(crate) told: Sender<(u16, Happening)>,
}

/// A room that can be joined.
pub(crate) trait Room: Send + Sync {
    /// Joins and negotiates; the connection is the engine's then. Blocks.
    fn join(&self, person: u16, role: &Role, place: &Place) -> Result<Box<dyn Line>>;

    /// Once all have joined: starts watching, where that takes a step of its own.
    fn watch(&self, _person: u16, _line: &mut dyn Line, _role: &Role, _place: &Place) -> Result<()> {
        Ok(())
    }
}

/// The signalling of a person who has joined.
pub(crate) trait Line: Send {
    /// Reads what has come, without waiting. An error says why the line has ended.
    fn pump(&mut self) -> Result<()>;
    /// Leaves for good.
    fn leave(&mut self);
    /// The socket itself.
    fn socket(&mut self) -> &mut JsonSocket;
    /// A request of the target's own kind, on a new handle or on this one with an SDP. Only Janus has such.
    fn request(&mut self, _body: &Value, _on: Option<(u64, Value)>) -> Result<Value> {
        bail!("this target has no such request")
    }
}

/// A WebSocket of JSON texts, without TLS.
pub(crate) struct JsonSocket {
    socket: WebSocket<TcpStream>,
    /// This side's address: media goes out from there as well.
    pub(crate) local: IpAddr,
}

impl JsonSocket {
    /// Connects to a `ws://` address.
    pub(crate) fn connect(url: &str, protocol: Option<&'static str>) -> Result<Self> {
        let mut request = url.into_client_request().with_context(|| format!("{url} is no address"))?;
        let host = request.uri().host().context("no host in the address")?.trim_matches(['[', ']']).to_owned();
        let address = resolve(&host, request.uri().port_u16().unwrap_or(80))?;
        if let Some(protocol) = protocol {
            request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static(protocol));
        }
        let stream =
            TcpStream::connect_timeout(&address, ANSWER_WITHIN).with_context(|| format!("cannot reach {address}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WITHIN))?;
        let local = stream.local_addr()?.ip();
        let (socket, _) = tungstenite::client(request, stream).map_err(|error| anyhow!("{url}: {error}"))?;
        Ok(Self { socket, local })
    }

    /// Sends one message.
    pub(crate) fn send(&mut self, message: &Value) -> Result<()> {
        Ok(self.socket.send(Message::text(message.to_string()))?)
    }

    /// Waits for the first message that `wanted` makes something of.
    pub(crate) fn wait<T>(&mut self, what: &str, mut wanted: impl FnMut(&Value) -> Result<Option<T>>) -> Result<T> {
        self.socket.get_ref().set_nonblocking(false)?;
        let until = Instant::now() + ANSWER_WITHIN;
        while Instant::now() < until {
            match self.socket.read().with_context(|| format!("waiting for {what}"))? {
                Message::Text(text) => {
                    if let Some(found) = wanted(&serde_json::from_str(&text)?)? {
                        return Ok(found);
                    }
                }
                Message::Close(_) => bail!("the server closed the line, waiting for {what}"),
                _ => {}
            }
        }
        bail!("the server did not send {what} in {} s", ANSWER_WITHIN.as_secs())
    }

    /// All messages that are there.
    pub(crate) fn pump(&mut self) -> Result<Vec<Value>> {
        self.socket.get_ref().set_nonblocking(true)?;
        let mut messages = Vec::new();
        loop {
            match self.socket.read() {
                Ok(Message::Text(text)) => messages.push(serde_json::from_str(&text)?),
                Ok(Message::Close(_)) => bail!("the server closed the line"),
                Ok(_) => {}
                Err(tungstenite::Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => return Ok(messages),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn resolve(host: &str, port: u16) -> Result<SocketAddr> {
    let mut addresses = (host, port).to_socket_addrs().with_context(|| format!("no such host: {host}"))?;
    addresses.next().with_context(|| format!("no such host: {host}"))
}
