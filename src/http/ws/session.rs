//! The life of one socket. One task: it delivers while it waits for the room, but asks the room one thing at a time,
//! so a client that floods waits for itself.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use governor::DefaultDirectRateLimiter;
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

use super::{MAX_MESSAGE, convert, frame};
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::ParticipantId;
use crate::domain::words::{ParticipantKind, ViewChoice};
use crate::http::{App, SharedApp, ice, limits, view};
use crate::metrics::Present;
use crate::protocol::PROTOCOL_VERSION;
use crate::protocol::client::ClientMessage;
use crate::protocol::server::ServerMessage;
use crate::rooms::api::{Action, Caller, JoinRequest, Membership, Outcome};
use crate::rooms::handle::RoomHandle;

const JOIN_WITHIN: Duration = Duration::from_secs(10);
/// A browser answers by itself, also for a page in the background.
const PING_EVERY: Duration = Duration::from_secs(5);
/// Nobody hears of it later than a ping after that. Shorter than what a bad line keeps TCP waiting would cost people
/// their media for nothing.
const DEAD_AFTER: Duration = Duration::from_secs(20);
/// A client that takes nothing for so long is gone.
const SEND_WITHIN: Duration = Duration::from_secs(10);
/// For the other side's half of the closing handshake.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// Messages over the limit that are answered before the socket is closed.
const PATIENCE: u32 = 200;

/// The socket can't be written to: nobody is there to be told.
struct Gone;

/// How a socket ends: the last word, and the close code that goes with it.
struct Closing {
    code: String,
    message: String,
}

impl From<Refusal> for Closing {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.reason.code().to_owned(), message: refusal.message }
    }
}

/// Serve a socket until it ends.
pub(super) async fn run(app: SharedApp, socket: WebSocket, invitation: String, base_url: String) {
    let mut wire = Wire { socket, base_url };
    let entered = enter(&app, &mut wire, &invitation).await;
    // Errors here mean that the client is gone, which is how most sockets end.
    let _ = match entered {
        Ok(Some(member)) => member.serve(wire).await,
        Ok(None) => Ok(()),
        Err((refusal, request)) => wire.refuse(refusal, request).await,
    };
}

type Refused = (Refusal, Option<u32>);

/// The first message, checked, and a place in the room. `None`: the client went away before.
async fn enter(app: &App, wire: &mut Wire, invitation: &str) -> Result<Option<Member>, Refused> {
    let without_number = |refusal: Refusal| (refusal, None);
    let room = app.state.rooms.find(invitation).await.map_err(without_number)?;
    if room.state().record.invitation != invitation {
        return Err(without_number(Refusal::new(
            Reason::NotFound,
            "there is no such invitation; ask for its link again",
        )));
    }
    let text = match timeout(JOIN_WITHIN, wire.text()).await {
        Ok(Ok(Some(text))) => text,
        Ok(Ok(None)) => return Ok(None),
        Ok(Err(refusal)) => return Err(without_number(refusal)),
        Err(_) => return Err(without_number(Refusal::new(Reason::InvalidRequest, "no join came within 10 s"))),
    };
    let frame = frame::read(&text).map_err(without_number)?;
    let request = frame.request;
    let join =
        frame.message.and_then(|message| join_request(app, &room, message)).map_err(|refusal| (refusal, request))?;
    let membership = room.join(join).await.map_err(|refusal| (refusal, request))?;
    Ok(Some(Member::new(room, membership, request)))
}

fn join_request(app: &App, room: &RoomHandle, message: ClientMessage) -> Result<JoinRequest, Refusal> {
    let ClientMessage::Join { protocol, name, host_token, resume, media } = message else {
        return Err(Refusal::new(Reason::InvalidRequest, "the first message must be join"));
    };
    if protocol != PROTOCOL_VERSION {
        let message = format!("this server speaks version {PROTOCOL_VERSION} of the protocol; load the page again");
        return Err(Refusal::new(Reason::InvalidRequest, message));
    }
    let host = match host_token {
        Some(token) if app.is_host(room, &token) => true,
        Some(_) => return Err(Refusal::new(Reason::Unauthorized, "this is not the room's host link")),
        None => false,
    };
    Ok(JoinRequest {
        name,
        kind: ParticipantKind::Browser,
        host,
        resume,
        media,
        view: ViewChoice::Tiles,
        low: false,
        ice_servers: ice::servers(&app.state.config, SystemTime::now()),
    })
}

/// A request on its way through the room.
type Asked = Pin<Box<dyn Future<Output = (Option<u32>, Result<Outcome, Refusal>)> + Send>>;

/// A socket that has joined.
struct Member {
    room: RoomHandle,
    me: ParticipantId,
    messages: Receiver<ServerMessage>,
    /// The number of `join`, answered after `welcome` or `waiting`.
    joining: Option<u32>,
    asked: Option<Asked>,
    limiter: DefaultDirectRateLimiter,
    refused: u32,
    heard: Instant,
    _present: Present,
}

enum Event {
    Told(Option<ServerMessage>),
    Answered(Option<u32>, Result<Outcome, Refusal>),
    Heard(Option<Result<Message, axum::Error>>),
    Tick,
}

impl Member {
    fn new(room: RoomHandle, membership: Membership, joining: Option<u32>) -> Self {
        Self {
            room,
            me: membership.participant,
            messages: membership.messages,
            joining,
            asked: None,
            limiter: limits::messages(),
            refused: 0,
            heard: Instant::now(),
            _present: Present::new("browser"),
        }
    }

    /// Until the room, the client or the line ends it. Dropping `self` without `Leave` keeps the place for a while.
    async fn serve(mut self, mut wire: Wire) -> Result<(), Gone> {
        let mut ticks = interval(PING_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            match self.next(&mut wire, &mut ticks).await {
                Event::Told(Some(ServerMessage::Closing { code, message })) => {
                    self.settle(&mut wire).await?;
                    return wire.close(Closing { code, message }).await;
                }
                Event::Told(Some(message)) => self.tell(&mut wire, message).await?,
                Event::Told(None) => {
                    let message = "this connection did not take its messages; join again".to_owned();
                    return wire.close(Closing { code: "slow".to_owned(), message }).await;
                }
                Event::Answered(request, outcome) => {
                    self.asked = None;
                    wire.answer(request, outcome).await?;
                }
                Event::Heard(None | Some(Ok(Message::Close(_)))) => return Ok(()),
                Event::Heard(Some(message)) => {
                    self.heard = Instant::now();
                    if let Err(refusal) = self.hear(&mut wire, message).await? {
                        // Not a broken line but a client that does not speak the protocol: its place is not kept.
                        let _ = self.room.act(Caller::Member(self.me), Action::Leave).await;
                        return wire.refuse(refusal, None).await;
                    }
                }
                Event::Tick if self.asked.is_none() && self.heard.elapsed() > DEAD_AFTER => return Ok(()),
                Event::Tick => wire.send(Message::Ping(bytes::Bytes::new())).await?,
            }
        }
    }

    /// Before the last word: the outcome of what brought it about, such as `leave` or `end_room`.
    async fn settle(&mut self, wire: &mut Wire) -> Result<(), Gone> {
        let Some(asked) = self.asked.take() else { return Ok(()) };
        match timeout(CLOSE_WITHIN, asked).await {
            Ok((request, outcome)) => wire.answer(request, outcome).await,
            Err(_) => Ok(()),
        }
    }

    async fn next(&mut self, wire: &mut Wire, ticks: &mut Interval) -> Event {
        let asking = self.asked.is_some();
        let answered = async {
            match &mut self.asked {
                Some(asked) => asked.await,
                None => pending().await,
            }
        };
        tokio::select! {
            message = self.messages.recv() => Event::Told(message),
            (request, outcome) = answered => Event::Answered(request, outcome),
            message = wire.socket.recv(), if !asking => Event::Heard(message),
            _ = ticks.tick() => Event::Tick,
        }
    }

    async fn tell(&mut self, wire: &mut Wire, message: ServerMessage) -> Result<(), Gone> {
        wire.tell(message).await?;
        match self.joining.take() {
            Some(request) => wire.tell(ServerMessage::Done { request }).await,
            None => Ok(()),
        }
    }

    /// One frame. The inner error ends the socket.
    async fn hear(
        &mut self,
        wire: &mut Wire,
        message: Result<Message, axum::Error>,
    ) -> Result<Result<(), Refusal>, Gone> {
        let text = match message {
            Ok(Message::Text(text)) if text.len() > MAX_MESSAGE => return Ok(Err(too_long())),
            Ok(Message::Text(text)) => text,
            Ok(Message::Binary(_)) => return Ok(Err(binary())),
            Ok(_) => return Ok(Ok(())),
            Err(error) => return violation(&error).map(Err).ok_or(Gone),
        };
        let frame = match frame::read(&text) {
            Ok(frame) => frame,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if self.limiter.check().is_err() {
            self.refused += 1;
            let refusal = Refusal::new(Reason::TooMany, "too many messages; slow down");
            if self.refused > PATIENCE {
                return Ok(Err(refusal));
            }
            return wire.answer(frame.request, Err(refusal)).await.map(Ok);
        }
        match frame.message.and_then(convert::action) {
            Ok(action) => {
                let (room, me, request) = (self.room.clone(), self.me, frame.request);
                self.asked = Some(Box::pin(async move { (request, room.act(Caller::Member(me), action).await) }));
                Ok(Ok(()))
            }
            Err(refusal) => wire.answer(frame.request, Err(refusal)).await.map(Ok),
        }
    }
}

fn too_long() -> Refusal {
    Refusal::new(Reason::InvalidRequest, "the message is longer than 256 KiB")
}

fn binary() -> Refusal {
    Refusal::new(Reason::InvalidRequest, "messages are text, not binary")
}

/// What the client did wrong, unless the line simply broke: then its place is kept.
fn violation(error: &axum::Error) -> Option<Refusal> {
    // axum gives the WebSocket library's errors only by their text.
    let text = error.to_string();
    if text.contains("Space limit exceeded") {
        return Some(too_long());
    }
    let broken =
        (text.contains("WebSocket protocol error") && !text.contains("without closing")) || text.contains("UTF-8");
    broken.then(|| Refusal::new(Reason::InvalidRequest, "the WebSocket protocol was broken"))
}

/// The socket, and what of a message only this end of it knows.
struct Wire {
    socket: WebSocket,
    /// The address under which this client came: links begin with it.
    base_url: String,
}

impl Wire {
    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        match timeout(SEND_WITHIN, self.socket.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    async fn tell(&mut self, mut message: ServerMessage) -> Result<(), Gone> {
        if let ServerMessage::Invitation { invitation, url } = &mut message {
            *url = view::room_url(&self.base_url, invitation);
        }

        match serde_json::to_string(&message) {
            Ok(text) => self.send(Message::Text(text.into())).await,
            Err(error) => {
                tracing::error!(%error, "a message can't be written as JSON");
                Err(Gone)
            }
        }
    }

    async fn answer(&mut self, request: Option<u32>, outcome: Result<Outcome, Refusal>) -> Result<(), Gone> {
        match (outcome, request) {
            (Err(Refusal { reason, message }), request) => {
                self.tell(ServerMessage::Error { code: reason.code().to_owned(), message, request }).await
            }
            (Ok(_), Some(request)) => self.tell(ServerMessage::Done { request }).await,
            (Ok(_), None) => Ok(()),
        }
    }

    /// `error`, `closing`, and the end.
    async fn refuse(&mut self, refusal: Refusal, request: Option<u32>) -> Result<(), Gone> {
        self.answer(request, Err(refusal.clone())).await?;
        self.close(refusal.into()).await
    }

    async fn close(&mut self, closing: Closing) -> Result<(), Gone> {
        let Closing { code, message } = closing;
        let number = match code.as_str() {
            "left" | "ended" | "removed" | "replaced" => close_code::NORMAL,
            "shutdown" => close_code::AWAY,
            _ => close_code::POLICY,
        };
        self.tell(ServerMessage::Closing { code: code.clone(), message }).await?;
        self.send(Message::Close(Some(CloseFrame { code: number, reason: code.into() }))).await?;
        // What the client still sends is read, or the system would reset the connection under our last words.
        let drain = async { while let Some(Ok(_)) = self.socket.recv().await {} };
        let _ = timeout(CLOSE_WITHIN, drain).await;
        Ok(())
    }

    /// The next text. `None`: the client went away.
    async fn text(&mut self) -> Result<Option<String>, Refusal> {
        loop {
            match self.socket.recv().await {
                None | Some(Ok(Message::Close(_))) => return Ok(None),
                Some(Ok(Message::Text(text))) if text.len() > MAX_MESSAGE => return Err(too_long()),
                Some(Ok(Message::Text(text))) => return Ok(Some(text.as_str().to_owned())),
                Some(Ok(Message::Binary(_))) => return Err(binary()),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Err(error)) => return violation(&error).map_or(Ok(None), Err),
            }
        }
    }
}
