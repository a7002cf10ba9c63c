//! Janus' videoroom, for comparison: its WebSocket API, one peer connection to send and one multistream connection to watch.
//! The Janus must run with `session_timeout = 0`; `script/bench` writes such a configuration.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use str0m::change::{SdpAnswer, SdpOffer};
use str0m::media::Mid;

use crate::connection::Connection;
use crate::door::{JsonSocket, Line, Place, Role, Room};
use crate::veranda::{Offer, publishing};

const PLUGIN: &str = "janus.plugin.videoroom";
const ROOM: u64 = 4711;

/// A videoroom on a Janus.
pub(crate) struct JanusRoom {
    url: String,
    /// What each person sends by, for the others to subscribe to.
    senders: Mutex<HashMap<u16, [Mid; 2]>>,
}

impl JanusRoom {
    /// Makes the room at `ws://host:port`. It ends with its session: keep the line.
    pub(crate) fn make(url: &str) -> Result<(Self, Box<dyn Line>)> {
        let mut line = JanusLine::open(url)?;
        let handle = line.attach()?;
        let settings = json!({"request": "create", "room": ROOM, "publishers": 100, "bitrate": 0, "audiocodec": "opus",
            "videocodec": "vp8", "notify_joining": false});
        let made = line.ask(handle, &settings, None)?;
        if made["plugindata"]["data"]["videoroom"] != "created" {
            bail!("Janus made no room: {made}");
        }
        Ok((Self { url: url.to_owned(), senders: Mutex::default() }, Box::new(line)))
    }

    /// The others whose streams a person watches: those after them, in a ring, as many as there are slots.
    fn wanted(&self, person: u16, role: &Role) -> Vec<Value> {
        let Ok(senders) = self.senders.lock() else { return Vec::new() };
        let mut others: Vec<_> = senders.iter().filter(|(other, _)| **other != person).collect();
        others.sort_by_key(|(other, _)| other.wrapping_sub(person));
        let streams = |count: usize, kind: usize| {
            let some = others.iter().take(count);
            some.map(move |(other, mids)| json!({"feed": feed(**other), "mid": mids[kind].to_string()}))
        };
        streams(role.audio_slots, 0).chain(streams(role.video_slots, 1)).collect()
    }
}

impl Room for JanusRoom {
    fn join(&self, person: u16, role: &Role, place: &Place) -> Result<Box<dyn Line>> {
        let clicked = Instant::now();
        let mut line = JanusLine::open(&self.url)?;
        let handle = line.attach()?;
        // Watching has a connection of its own here.
        let sending = Role { audio_slots: 0, video_slots: 0, ..role.clone() };
        let Offer { mut rtc, udp, sdp: offer, pending, mids } = Offer::make(line.socket.local, &sending)?;
        let join = json!({"request": "joinandconfigure", "ptype": "publisher", "room": ROOM, "id": feed(person)});
        let answer = line.ask(handle, &join, Some(json!({"type": "offer", "sdp": offer, "trickle": false})))?;
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(sdp(&answer)?)?)?;
        let connection = Connection::new(person, (rtc, udp), clicked, place.told.clone())?;
        place.engine.add(publishing(connection, person, role, mids))?;
        if let Ok(mut senders) = self.senders.lock() {
            senders.insert(person, mids);
        }
        Ok(Box::new(line))
    }

    fn watch(&self, person: u16, line: &mut dyn Line, role: &Role, place: &Place) -> Result<()> {
        let clicked = Instant::now();
        let streams = self.wanted(person, role);
        if streams.is_empty() {
            return Ok(());
        }
        let local = line.socket().local;
        let offer =
            line.request(&json!({"request": "join", "ptype": "subscriber", "room": ROOM, "streams": streams}), None)?;
        let (mut rtc, udp) = Connection::open(local)?;
        let answer = rtc.sdp_api().accept_offer(SdpOffer::from_sdp_string(sdp(&offer)?)?)?;
        let jsep = json!({"type": "answer", "sdp": answer.to_sdp_string(), "trickle": false});
        let handle = offer["sender"].as_u64().context("Janus names no handle")?;
        line.request(&json!({"request": "start", "room": ROOM}), Some((handle, jsep)))?;
        place.engine.add(Connection::new(person, (rtc, udp), clicked, place.told.clone())?)
    }
}

fn feed(person: u16) -> u64 {
    1000 + u64::from(person)
}

fn sdp(event: &Value) -> Result<&str> {
    event["jsep"]["sdp"].as_str().with_context(|| format!("Janus sent no SDP: {event}"))
}

/// A session of Janus.
struct JanusLine {
    socket: JsonSocket,
    session: u64,
    transactions: u64,
}

impl JanusLine {
    fn open(url: &str) -> Result<Self> {
        let socket = JsonSocket::connect(url, Some("janus-protocol"))?;
        let mut line = Self { socket, session: 0, transactions: 0 };
        line.session = line.exchange(json!({"janus": "create"}))?["data"]["id"].as_u64().context("no session")?;
        Ok(line)
    }

    fn attach(&mut self) -> Result<u64> {
        let attached = self.exchange(json!({"janus": "attach", "plugin": PLUGIN}))?;
        attached["data"]["id"].as_u64().context("no handle")
    }

    fn ask(&mut self, handle: u64, body: &Value, jsep: Option<Value>) -> Result<Value> {
        let mut message = json!({"janus": "message", "handle_id": handle, "body": body});
        if let Some(jsep) = jsep {
            message["jsep"] = jsep;
        }
        self.exchange(message)
    }

    /// Sends a request and waits for what answers it, past the mere acknowledgement.
    fn exchange(&mut self, mut message: Value) -> Result<Value> {
        self.transactions += 1;
        let transaction = self.transactions.to_string();
        message["transaction"] = json!(transaction);
        if self.session != 0 {
            message["session_id"] = json!(self.session);
        }
        self.socket.send(&message)?;
        self.socket.wait("an answer", |answer| {
            if answer["transaction"] != transaction.as_str() || answer["janus"] == "ack" {
                return Ok(None);
            }
            let data = &answer["plugindata"]["data"];
            if answer["janus"] == "error" || !data["error"].is_null() {
                bail!("Janus refused: {answer}");
            }
            Ok(Some(answer.clone()))
        })
    }
}

impl Line for JanusLine {
    fn pump(&mut self) -> Result<()> {
        self.socket.pump().map(drop)
    }

    fn leave(&mut self) {
        // A line that is broken already leaves nothing to do.
        let _ = self.exchange(json!({"janus": "destroy"}));
    }

    fn socket(&mut self) -> &mut JsonSocket {
        &mut self.socket
    }

    fn request(&mut self, body: &Value, on: Option<(u64, Value)>) -> Result<Value> {
        match on {
            Some((handle, jsep)) => self.ask(handle, body, Some(jsep)),
            None => {
                let handle = self.attach()?;
                self.ask(handle, body, None)
            }
        }
    }
}
