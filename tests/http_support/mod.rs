//! A server on a free port of loopback, its data in a temporary folder, its media played by a task at the other end of
//! the rooms' channels.

// Each test program uses its own part of this.
#![allow(dead_code)]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Message;
use veranda::config::Config;
use veranda::domain::ids::{MediaKind, PeerId};
use veranda::domain::media::{MediaCommand, MediaEvent, OutputEvent, OutputJob, SlotInfo};
use veranda::http::{AppState, Listener, Readiness, serve};
use veranda::metrics::Metrics;
use veranda::rooms::registry::{OpenMedia, Rooms};
use veranda::storage::Storage;

/// The longest that anything here may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// What the faked media side answers to every good offer.
pub(crate) const ANSWER: &str = "v=0\r\na=ice-lite\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
    a=ice-ufrag:ours\r\na=ice-pwd:secret-of-the-server\r\na=candidate:1 1 udp 1 127.0.0.1 7882 typ host\r\n";

/// An offer that the faked media side takes.
pub(crate) const OFFER: &str = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:theirs\r\n";

/// What a recording's file holds here: 1000 bytes, each telling its place.
pub(crate) fn film() -> Vec<u8> {
    (0..1000u32).map(|place| (place % 251) as u8).collect()
}

type OpenSessions = Arc<Mutex<Vec<(PeerId, mpsc::Sender<MediaEvent>)>>>;

/// The faked media of all rooms: what is open, and a way to break it.
#[derive(Clone, Default)]
pub(crate) struct FakeMedia {
    events: OpenSessions,
}

impl FakeMedia {
    fn open(&self) -> OpenMedia {
        let fake = self.clone();
        Arc::new(move |_, events| {
            let (commands, inbox) = mpsc::channel(64);
            tokio::spawn(fake.clone().play(inbox, events));
            commands
        })
    }

    async fn play(self, mut inbox: mpsc::Receiver<MediaCommand>, events: mpsc::Sender<MediaEvent>) {
        let mut files = Vec::new();
        while let Some(command) = inbox.recv().await {
            let answers = match command {
                MediaCommand::Open { peer, offer, .. } if offer.starts_with("v=0") => {
                    self.events.lock().unwrap().push((peer, events.clone()));
                    let slots = vec![SlotInfo { mid: "4".to_owned(), kind: MediaKind::Video, h264: true }];
                    vec![
                        MediaEvent::Answered { peer, sdp: ANSWER.to_owned(), slots, sources: Vec::new() },
                        MediaEvent::Connected { peer },
                    ]
                }
                MediaCommand::Open { peer, .. } => {
                    vec![MediaEvent::Refused { peer, problem: "the offer does not begin with v=0".to_owned() }]
                }
                MediaCommand::Start { output, job } => {
                    if let OutputJob::Record { path } = job {
                        files.push((output, path));
                    }
                    vec![MediaEvent::Output { output, event: OutputEvent::Live }]
                }
                MediaCommand::Stop { output } => {
                    if let Some((_, path)) = files.iter().find(|(id, _)| *id == output) {
                        std::fs::write(path, film()).unwrap();
                    }
                    let finished = OutputEvent::Finished { bytes: 1000, duration: 2.5 };
                    vec![MediaEvent::Output { output, event: finished }]
                }
                MediaCommand::Still(size) => vec![MediaEvent::Still { size, jpeg: Some(vec![0xff, 0xd8].into()) }],
                _ => Vec::new(),
            };
            for answer in answers {
                if events.send(answer).await.is_err() {
                    return;
                }
            }
        }
    }

    /// Every media session breaks.
    pub(crate) async fn lose_everybody(&self) {
        let open = std::mem::take(&mut *self.events.lock().unwrap());
        for (peer, events) in open {
            let _ = events.send(MediaEvent::Lost { peer, cause: "a test".to_owned() }).await;
        }
    }
}

/// A running server.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) base: String,
    pub(crate) client: reqwest::Client,
    pub(crate) media: FakeMedia,
    pub(crate) storage: Arc<Storage>,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<anyhow::Result<()>>,
}

impl Server {
    /// With the settings of every day.
    pub(crate) async fn start(data: &Path) -> Self {
        Self::with(Config { data: data.to_owned(), ..Config::default() }).await
    }

    /// With these settings; the port is any that is free.
    pub(crate) async fn with(config: Config) -> Self {
        let config = Arc::new(Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..config });
        let listener = Listener::bind(&config).unwrap();
        let (address, metrics, base) = (listener.address(), listener.metrics_address(), listener.base_url());
        let storage = Arc::new(Storage::open(&config.data).unwrap());
        let media = FakeMedia::default();
        let rooms = Rooms::new(storage.clone(), media.open(), base.clone()).unwrap();
        let state = AppState {
            rooms,
            storage: storage.clone(),
            config,
            metrics: Metrics::install(),
            readiness: Readiness::default(),
        };
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(serve(listener, state, async move {
            let _ = stopped.await;
        }));
        // The program does so as well, where it uploads.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { address, metrics, base, client, media, storage, stop: Some(stop), running }
    }

    /// Stops it in order.
    pub(crate) async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        tokio::time::timeout(SOON, &mut self.running).await.expect("it stops in time").unwrap().unwrap();
    }

    /// A request to a path.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address)).timeout(SOON)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub(crate) fn patch(&self, path: &str) -> RequestBuilder {
        self.request(Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: &str) -> RequestBuilder {
        self.request(Method::DELETE, path)
    }

    /// Makes a room.
    pub(crate) async fn room(&self, body: Value) -> Room {
        let response = self.post("/api/v1/rooms").json(&body).send().await.unwrap();
        assert_eq!(response.status(), 201);
        let made: Value = response.json().await.unwrap();
        let text = |key: &str| made[key].as_str().unwrap().to_owned();
        Room { id: text("id"), invitation: text("invitation"), token: text("host_token"), made: made.clone() }
    }

    /// A socket into a room, nothing sent so far.
    pub(crate) async fn socket(&self, invitation: &str) -> Socket {
        Socket::open(self.address, invitation).await
    }
}

/// A room just made.
pub(crate) struct Room {
    pub(crate) id: String,
    pub(crate) invitation: String,
    pub(crate) token: String,
    pub(crate) made: Value,
}

impl Room {
    /// A path of the API below the room.
    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/api/v1/rooms/{}{rest}", self.id)
    }
}

/// Checks a refusal: status, problem document and code; gives the sentence.
pub(crate) async fn refused(request: RequestBuilder, status: u16, code: &str) -> String {
    let response = request.send().await.unwrap();
    problem(response, status, code).await
}

pub(crate) async fn problem(response: Response, status: u16, code: &str) -> String {
    assert_eq!(response.status(), status, "{}", response.url());
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    assert_eq!(response.headers().contains_key("www-authenticate"), status == 401);
    let body: Value = response.json().await.unwrap();
    assert_eq!((body["status"].as_u64(), body["code"].as_str()), (Some(u64::from(status)), Some(code)), "{body}");
    assert!(body["type"].is_string() && body["title"].is_string());
    body["detail"].as_str().unwrap().to_owned()
}

/// A browser's end of the WebSocket.
pub(crate) struct Socket {
    stream: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>,
}

impl Socket {
    pub(crate) async fn open(address: SocketAddr, invitation: &str) -> Self {
        let url = format!("ws://{address}/api/v1/rooms/{invitation}/socket");
        let (stream, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        Self { stream }
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.raw(Message::text(message.to_string())).await;
    }

    pub(crate) async fn raw(&mut self, message: Message) {
        self.stream.send(message).await.unwrap();
    }

    /// The next message; `None` when the server closed.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        let wait = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                    Some(Ok(Message::Close(_))) | None | Some(Err(_)) => return None,
                    Some(Ok(_)) => {}
                }
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("a message in time")
    }

    /// The next message of this type, others passed over.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let message = self.next().await.unwrap_or_else(|| panic!("closed before {kind}"));
            if message["type"] == kind {
                return message;
            }
        }
    }

    /// Joins and gives `welcome`.
    pub(crate) async fn join(&mut self, name: &str, host_token: Option<&str>) -> Value {
        self.send(join(name, host_token)).await;
        self.until("welcome").await
    }

    /// `closing` with this code, then the end.
    pub(crate) async fn closes(&mut self, code: &str) {
        let closing = self.until("closing").await;
        assert_eq!(closing["code"], code, "{closing}");
        assert_eq!(self.next().await, None);
    }

    /// Sends and expects this refusal with its number.
    pub(crate) async fn refuses(&mut self, mut message: Value, code: &str) -> String {
        message["request"] = json!(77);
        self.send(message).await;
        let error = self.until("error").await;
        assert_eq!((error["code"].as_str(), error["request"].as_u64()), (Some(code), Some(77)), "{error}");
        error["message"].as_str().unwrap().to_owned()
    }

    /// Sends and expects `done`.
    pub(crate) async fn done(&mut self, mut message: Value) {
        message["request"] = json!(78);
        self.send(message).await;
        loop {
            let answer = self.next().await.expect("an answer");
            match answer["type"].as_str() {
                Some("done") if answer["request"] == 78 => return,
                Some("error") => panic!("{answer}"),
                _ => {}
            }
        }
    }
}

/// The first message.
pub(crate) fn join(name: &str, host_token: Option<&str>) -> Value {
    let mut join = json!({"type": "join", "protocol": 1, "name": name});
    if let Some(token) = host_token {
        join["host_token"] = json!(token);
    }
    join
}

/// Asks again until the answer is as it should be: for what is only promised "soon".
pub(crate) async fn poll(server: &Server, path: &str, token: &str, is: impl Fn(&Value) -> bool) -> Value {
    let ask = async {
        loop {
            let value: Value = server.get(path).bearer_auth(token).send().await.unwrap().json().await.unwrap();
            if is(&value) {
                return value;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, ask).await.expect("in time")
}
