//! Veranda's own door: a room by the HTTP API, people by the WebSocket of `docs/protocol.md`.

use std::collections::HashSet;
use std::net::{IpAddr, UdpSocket};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use str0m::Rtc;
use str0m::change::{SdpAnswer, SdpPendingOffer};
use str0m::media::{Direction, MediaKind, Mid, Simulcast, SimulcastLayer};

use crate::connection::Connection;
use crate::door::{JsonSocket, Line, Place, Role, Room};
use crate::publish::{Publisher, Wanted};

/// How often a refusal by the rate limit is taken for "later".
const TRIES: usize = 20;

/// A room on a Veranda.
pub(crate) struct VerandaRoom {
    server: String,
    invitation: String,
}

impl VerandaRoom {
    /// Makes a room at `http://host:port`.
    pub(crate) fn make(server: &str) -> Result<Self> {
        let answer: Value = ureq::post(format!("{server}/api/v1/rooms"))
            .send_json(json!({"name": "Swarm", "max_participants": 50}))
            .with_context(|| format!("cannot make a room at {server}"))?
            .body_mut()
            .read_json()?;
        let invitation = answer["invitation"].as_str().context("the server made a room without invitation")?;
        Ok(Self::existing(server, invitation))
    }

    /// A room somebody made before.
    pub(crate) fn existing(server: &str, invitation: &str) -> Self {
        Self { server: server.to_owned(), invitation: invitation.to_owned() }
    }

    /// For people to look in.
    pub(crate) fn url(&self) -> String {
        format!("{}/r/{}", self.server, self.invitation)
    }

    /// The line, tried again while the server says "too many".
    fn connect(&self) -> Result<JsonSocket> {
        let host = self.server.strip_prefix("http://").context("only http:// addresses can be driven")?;
        let url = format!("ws://{host}/api/v1/rooms/{}/socket", self.invitation);
        for _ in 0..TRIES {
            match JsonSocket::connect(&url, None) {
                Err(error) if error.to_string().contains("429") => thread::sleep(Duration::from_millis(500)),
                other => return other,
            }
        }
        bail!("the server's rate limit lets nobody in any more")
    }
}

impl Room for VerandaRoom {
    fn join(&self, person: u16, role: &Role, place: &Place) -> Result<Box<dyn Line>> {
        let clicked = Instant::now();
        let mut socket = self.connect()?;
        let on = role.clip.is_some();
        let media = json!({"microphone": on, "camera": on, "screen": false, "screen_sound": false});
        socket.send(&json!({"type": "join", "protocol": 1, "name": format!("Swarm {person}"), "media": media}))?;
        socket.wait("the welcome", |message| {
            refused(message)?;
            Ok((message["type"] == "welcome").then_some(()))
        })?;

        let Offer { mut rtc, udp, sdp, pending, mids } = Offer::make(socket.local, role)?;
        socket.send(&json!({"type": "offer", "sdp": sdp}))?;
        let answer = socket.wait("the answer", |message| {
            refused(message)?;
            Ok((message["type"] == "answer").then(|| message["sdp"].as_str().unwrap_or_default().to_owned()))
        })?;
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&answer)?)?;
        let connection = Connection::new(person, (rtc, udp), clicked, place.told.clone())?;
        let connection = publishing(connection, person, role, mids);
        let wanted = connection.wanted();
        place.engine.add(connection)?;
        Ok(Box::new(VerandaLine { socket, wanted }))
    }
}

/// The connection with what this role sends.
pub(crate) fn publishing(connection: Connection, person: u16, role: &Role, mids: [Mid; 2]) -> Connection {
    match &role.clip {
        Some(clip) => connection.publish(Publisher::new(clip.clone(), person, role.talks, mids, role.simulcast)),
        None => connection,
    }
}

fn layers(role: &Role) -> Simulcast {
    let mut simulcast = Simulcast::new();
    for layer in role.clip.iter().flat_map(|clip| &clip.layers) {
        simulcast.add_send_layer(SimulcastLayer::new(layer.size.rid));
    }
    simulcast
}

/// An `error` or `closing` while something else was waited for.
fn refused(message: &Value) -> Result<()> {
    if matches!(message["type"].as_str(), Some("error" | "closing")) {
        bail!("the server refused: {message}");
    }
    Ok(())
}

struct VerandaLine {
    socket: JsonSocket,
    /// What of the camera the server wants.
    wanted: Option<Arc<Wanted>>,
}

impl Line for VerandaLine {
    fn pump(&mut self) -> Result<()> {
        for message in self.socket.pump()? {
            refused(&message)?;
            ensure!(message["type"] != "media_lost", "the server lost the media: {message}");
            if let (Some(wanted), "layers", Some(layers)) =
                (&self.wanted, message["type"].as_str().unwrap_or_default(), message["layers"].as_u64())
            {
                wanted.tell(layers as u32, message["height"].as_u64().map(|lines| lines as u32));
            }
        }
        Ok(())
    }

    fn leave(&mut self) {
        let left = |message: &Value| Ok((message["type"] == "closing").then_some(()));
        // The place is free when the server has said so; a line that is broken already leaves nothing to do.
        if self.socket.send(&json!({"type": "leave"})).is_ok() {
            let _ = self.socket.wait("the goodbye", left);
        }
    }

    fn socket(&mut self) -> &mut JsonSocket {
        &mut self.socket
    }
}

/// An offer, and what its answer is needed for.
pub(crate) struct Offer {
    /// The peer connection.
    pub(crate) rtc: Rtc,
    /// Its socket.
    pub(crate) udp: UdpSocket,
    /// For the server.
    pub(crate) sdp: String,
    /// For the answer.
    pub(crate) pending: SdpPendingOffer,
    /// The microphone's and the camera's.
    pub(crate) mids: [Mid; 2],
}

impl Offer {
    /// Microphone and camera, then as many slots as the role has. str0m draws mids of three letters at random and now and then
    /// draws one twice (about one offer of 14 sections in 2,600), which servers rightly refuse: then it is made again.
    pub(crate) fn make(local: IpAddr, role: &Role) -> Result<Self> {
        loop {
            let (mut rtc, udp) = Connection::open(local)?;
            let mut changes = rtc.sdp_api();
            let mut add = |kind, direction, layers| changes.add_media(kind, direction, None, None, layers);
            let mids = [
                add(MediaKind::Audio, Direction::SendOnly, None),
                add(MediaKind::Video, Direction::SendOnly, role.simulcast.then(|| layers(role))),
            ];
            let mut all = HashSet::from(mids);
            all.extend((0..role.audio_slots).map(|_| add(MediaKind::Audio, Direction::RecvOnly, None)));
            all.extend((0..role.video_slots).map(|_| add(MediaKind::Video, Direction::RecvOnly, None)));
            if all.len() == 2 + role.audio_slots + role.video_slots {
                let (offer, pending) = changes.apply().context("nothing to offer")?;
                return Ok(Self { rtc, udp, sdp: offer.to_sdp_string(), pending, mids });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn an_offer_sends_two_and_has_a_section_of_its_own_for_each_slot() {
        let role = Role { clip: None, simulcast: false, talks: None, audio_slots: 3, video_slots: 9 };
        let offer = Offer::make(Ipv4Addr::LOCALHOST.into(), &role).unwrap();
        let values = |name: &str| offer.sdp.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!([values("a=sendonly"), values("a=recvonly"), values("m=audio"), values("m=video")], [2, 12, 4, 10]);
        let mids: HashSet<_> = offer.sdp.lines().filter(|line| line.starts_with("a=mid:")).collect();
        assert_eq!(mids.len(), 14);
    }
}
