//! The WebSocket and the standard doors on real sockets.

#![allow(clippy::unwrap_used, clippy::panic)]

mod http_support;

use http_support::{ANSWER, OFFER, Room, SOON, Server, Socket, join, poll, problem, refused};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use veranda::config::Config;

async fn server() -> (tempfile::TempDir, Server) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    (data, server)
}

#[tokio::test]
async fn people_meet_and_part() {
    let (_data, server) = server().await;
    let room = server.room(json!({"name": "A"})).await;
    let mut host = server.socket(&room.invitation).await;
    let welcome = host.join("Anna", Some(&room.token)).await;
    assert_eq!((&welcome["role"], &welcome["protocol"]), (&json!("host"), &json!(1)));
    assert_eq!(welcome["slots"], json!({"audio": 3, "video": 12}));
    let invitation = host.until("invitation").await;
    assert_eq!(invitation["url"], format!("http://{}/r/{}", server.address, room.invitation));

    let mut guest = server.socket(&room.invitation).await;
    assert_eq!(guest.join("Ben", None).await["role"], "guest");
    assert_eq!(host.until("participant_joined").await["participant"]["name"], "Ben");
    guest.send(json!({"type": "offer", "sdp": OFFER, "request": 5})).await;
    assert_eq!(guest.until("answer").await["sdp"], ANSWER);
    guest.send(json!({"type": "leave"})).await;
    guest.closes("left").await;
    host.until("participant_left").await;
}

#[tokio::test]
async fn who_may_not_come_in_hears_why() {
    let (_data, server) = server().await;
    let room = server.room(json!({"max_participants": 2})).await;
    for (invitation, code) in [("nobody", "not_found"), (room.id.as_str(), "not_found")] {
        server.socket(invitation).await.closes(code).await;
    }
    for (message, code) in [
        (join("A", Some("wrong")), "unauthorized"),
        (join(" ", None), "out_of_range"),
        (join(&"x".repeat(10_000), None), "out_of_range"),
        (json!({"type": "join", "protocol": 2, "name": "A"}), "invalid_request"),
        (json!({"type": "join", "protocol": 1, "name": "A", "colour": 1}), "invalid_request"),
        (json!({"type": "leave"}), "invalid_request"),
    ] {
        let mut socket = server.socket(&room.invitation).await;
        socket.refuses(message, code).await;
        socket.closes(code).await;
    }
    let (mut first, mut second) = (server.socket(&room.invitation).await, server.socket(&room.invitation).await);
    first.join("A", None).await;
    second.join("B", None).await;
    let mut third = server.socket(&room.invitation).await;
    third.send(join("C", None)).await;
    third.closes("room_full").await;
    server.post(&room.path("/invitation")).bearer_auth(&room.token).send().await.unwrap();
    server.socket(&room.invitation).await.closes("gone").await;
}

#[tokio::test]
async fn a_locked_room_opens_to_its_host_alone() {
    let (_data, server) = server().await;
    let room = server.room(json!({"locked": true})).await;
    let mut guest = server.socket(&room.invitation).await;
    guest.send(join("Ben", None)).await;
    guest.closes("locked").await;
    let mut host = server.socket(&room.invitation).await;
    host.join("Anna", Some(&room.token)).await;
    host.done(json!({"type": "change_room", "locked": false})).await;
    server.socket(&room.invitation).await.join("Ben", None).await;
}

#[tokio::test]
async fn a_host_lets_in_who_waits() {
    let (_data, server) = server().await;
    let room = server.room(json!({"lobby": true})).await;
    let mut host = server.socket(&room.invitation).await;
    host.join("Anna", Some(&room.token)).await;
    let mut guest = server.socket(&room.invitation).await;
    guest.send(join("Ben", None)).await;
    guest.until("waiting").await;
    let mut waiting = host.until("waiting_changed").await;
    while waiting["waiting"].as_array().unwrap().is_empty() {
        waiting = host.until("waiting_changed").await;
    }
    let id = waiting["waiting"][0]["participant"].as_str().unwrap();
    host.done(json!({"type": "admit", "participant": id, "admitted": true})).await;
    guest.until("welcome").await;
}

#[tokio::test]
async fn hosts_do_what_hosts_do() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let mut host = server.socket(&room.invitation).await;
    host.join("Anna", Some(&room.token)).await;
    let mut guest = server.socket(&room.invitation).await;
    let you = guest.join("Ben", None).await["you"].clone();

    guest.refuses(json!({"type": "end_room"}), "forbidden").await;
    guest.refuses(json!({"type": "renew_invitation"}), "forbidden").await;
    host.refuses(json!({"type": "mute", "participant": "p1", "muted": true}), "not_found").await;
    host.refuses(json!({"type": "stop_recording", "recording": "rubbish"}), "not_found").await;
    host.refuses(json!({"type": "start_stream", "url": "http://x"}), "out_of_range").await;
    host.refuses(json!({"type": "change_room", "name": "x".repeat(10_000)}), "out_of_range").await;
    host.refuses(join("Again", None), "conflict").await;

    host.done(json!({"type": "mute", "participant": you, "muted": true})).await;
    guest.until("muted").await;
    host.send(json!({"type": "renew_invitation"})).await;
    let renewed = host.until("invitation").await;
    assert_ne!(renewed["invitation"], room.invitation);
    assert!(renewed["url"].as_str().unwrap().starts_with(&format!("http://{}/r/", server.address)), "{renewed}");
    host.done(json!({"type": "start_recording"})).await;
    let recorded = |message: &Value| message["room"]["recordings"][0]["state"] == "live";
    while !recorded(&guest.until("room_changed").await) {}
    host.done(json!({"type": "set_role", "participant": you, "role": "host"})).await;
    guest.done(json!({"type": "end_room"})).await;
    guest.closes("ended").await;
    host.closes("ended").await;
    refused(server.get(&format!("/api/v1/rooms/{}", room.invitation)), 410, "gone").await;
}

#[tokio::test]
async fn a_removed_session_stays_out() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let mut host = server.socket(&room.invitation).await;
    host.join("Anna", Some(&room.token)).await;
    let mut guest = server.socket(&room.invitation).await;
    let welcome = guest.join("Ben", None).await;
    host.done(json!({"type": "remove", "participant": welcome["you"]})).await;
    guest.closes("removed").await;
    let mut again = server.socket(&room.invitation).await;
    again.send(json!({"type": "join", "protocol": 1, "name": "Ben", "resume": welcome["resume"]})).await;
    again.closes("removed").await;
}

#[tokio::test]
async fn a_broken_line_keeps_its_place() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let mut socket = server.socket(&room.invitation).await;
    let welcome = socket.join("Ben", None).await;
    drop(socket);
    let mut again = server.socket(&room.invitation).await;
    again.send(json!({"type": "join", "protocol": 1, "name": "Ben", "resume": welcome["resume"]})).await;
    assert_eq!(again.until("welcome").await["you"], welcome["you"]);
}

#[tokio::test]
async fn what_is_no_message_ends_the_socket_and_nobody_else() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let mut host = server.socket(&room.invitation).await;
    host.join("Anna", Some(&room.token)).await;
    let long = format!("{{\"type\": \"offer\", \"sdp\": \"{}\"}}", "x".repeat(300 * 1024));
    for rubbish in [Message::text("{"), Message::text("[]"), Message::binary(vec![1, 2, 3]), Message::text(long)] {
        let mut before = server.socket(&room.invitation).await;
        before.raw(rubbish.clone()).await;
        before.closes("invalid_request").await;
        let mut after = server.socket(&room.invitation).await;
        after.join("Ben", None).await;
        after.raw(rubbish).await;
        assert_eq!(after.until("error").await["code"], "invalid_request");
        after.closes("invalid_request").await;
        host.until("participant_left").await;
    }
    host.refuses(json!({"type": "dance"}), "invalid_request").await;
    assert!(host.refuses(json!({"type": "leave", "now": 1}), "invalid_request").await.contains("now"));
    host.refuses(json!({"type": "offer", "sdp": "rubbish"}), "bad_offer").await;
    host.done(json!({"type": "view", "mode": "mix"})).await;
}

#[tokio::test]
async fn a_flood_is_answered_then_ended() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let mut socket = server.socket(&room.invitation).await;
    socket.join("Ben", None).await;
    for request in 0..400 {
        let message = json!({"type": "dance", "request": request}).to_string();
        socket.raw(Message::text(message)).await;
    }
    let mut codes = Vec::new();
    while let Some(message) = socket.next().await {
        codes.push((message["type"].clone(), message["code"].clone()));
    }
    assert!(codes.contains(&(json!("error"), json!("too_many"))), "{codes:?}");
    assert_eq!(codes.last(), Some(&(json!("closing"), json!("too_many"))));
}

#[tokio::test]
async fn pages_of_other_origins_and_plain_requests_are_kept_out() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let url = format!("ws://{}/api/v1/rooms/{}/socket", server.address, room.invitation);
    let origin = |origin: &str| {
        let mut request = url.as_str().into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        tokio_tungstenite::connect_async(request)
    };
    let Err(Error::Http(response)) = origin("https://evil.example").await else { panic!("let in") };
    assert_eq!(response.status(), 403);
    origin(&format!("http://{}", server.address)).await.unwrap();
    let path = format!("/api/v1/rooms/{}/socket", room.invitation);
    refused(server.get(&path), 426, "upgrade_required").await;
}

#[tokio::test]
async fn everybody_is_told_when_the_server_stops() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let mut socket = server.socket(&room.invitation).await;
    socket.join("Ben", None).await;
    let told = tokio::spawn(async move { socket.closes("shutdown").await });
    server.stop().await;
    tokio::time::timeout(SOON, told).await.unwrap().unwrap();
}

// WHIP and WHEP

async fn knock(server: &Server, path: &str, token: Option<&str>) -> Response {
    let request = server.post(path).header("content-type", "application/sdp").body(OFFER);
    let request = match token {
        Some(token) => request.bearer_auth(token),
        None => request,
    };
    request.send().await.unwrap()
}

async fn opened(server: &Server, path: &str) -> (String, String) {
    let response = knock(server, path, None).await;
    assert_eq!(response.status(), 201);
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    (header("location"), header("etag"))
}

fn door(room: &Room, door: &str) -> String {
    format!("/api/v1/rooms/{}/{door}", room.invitation)
}

#[tokio::test]
async fn a_publisher_joins_and_leaves() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let response = knock(&server, &format!("{}?name=Camera%20One", door(&room, "whip")), None).await;
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["content-type"], "application/sdp");
    assert_eq!(response.headers()["access-control-allow-origin"], "*");
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    assert!(location.starts_with(&format!("{}/", door(&room, "whip"))), "{location}");
    assert_eq!(location.rsplit('/').next().unwrap().len(), 22);
    assert_eq!(response.text().await.unwrap(), ANSWER);

    let people = poll(&server, &room.path("/participants"), &room.token, |people| people[0].is_object()).await;
    let camera = &people[0];
    assert_eq!(
        (&camera["name"], &camera["kind"], &camera["role"]),
        (&json!("Camera One"), &json!("whip"), &json!("guest"))
    );
    assert_eq!((&camera["microphone"], &camera["camera"]), (&json!(true), &json!(false)));

    assert_eq!(server.delete(&location).send().await.unwrap().status(), 200);
    refused(server.delete(&location), 404, "not_found").await;
    let left: Value =
        server.get(&room.path("/participants")).bearer_auth(&room.token).send().await.unwrap().json().await.unwrap();
    assert_eq!(left, json!([]));
}

#[tokio::test]
async fn a_viewer_sees_the_mix() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    for view in ["", "?view=mix", "?view=low"] {
        assert_eq!(knock(&server, &format!("{}{view}", door(&room, "whep")), None).await.status(), 201, "{view}");
    }
    let short = format!("/rooms/{}/whep", room.invitation);
    assert_eq!(knock(&server, &short, None).await.status(), 201, "the contract's short path");
    problem(knock(&server, &format!("{}?view=tiles", door(&room, "whep")), None).await, 400, "invalid_request").await;
    let people: Value =
        server.get(&room.path("/participants")).bearer_auth(&room.token).send().await.unwrap().json().await.unwrap();
    assert_eq!(people.as_array().unwrap().len(), 4);
    assert!(people.as_array().unwrap().iter().all(|one| one["kind"] == "whep" && one["view"] == "mix"), "{people}");
}

#[tokio::test]
async fn a_token_opens_the_doors_by_id() {
    let (_data, server) = server().await;
    let (room, other) = (server.room(json!({"locked": true})).await, server.room(json!({})).await);
    let path = room.path("/whip");
    assert_eq!(knock(&server, &path, Some(&room.token)).await.status(), 201);
    problem(knock(&server, &path, None).await, 401, "unauthorized").await;
    problem(knock(&server, &path, Some("wrong")).await, 401, "unauthorized").await;
    problem(knock(&server, &path, Some(&other.token)).await, 403, "forbidden").await;
    problem(knock(&server, &door(&room, "whip"), None).await, 423, "locked").await;
    problem(knock(&server, &door(&room, "whep"), Some("wrong")).await, 401, "unauthorized").await;
    problem(knock(&server, "/api/v1/rooms/nobody/whep", None).await, 404, "not_found").await;
    let lobby = server.room(json!({"lobby": true})).await;
    problem(knock(&server, &door(&lobby, "whip"), None).await, 403, "not_admitted").await;
}

#[tokio::test]
async fn bad_offers_are_refused_and_leave_nobody_behind() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let path = door(&room, "whip");
    let post = |kind: &'static str, body: Vec<u8>| server.post(&path).header("content-type", kind).body(body);
    refused(post("application/json", OFFER.into()), 415, "unsupported_media_type").await;
    refused(server.post(&path).body(OFFER), 415, "unsupported_media_type").await;
    refused(post("application/sdp", OFFER.into()).header("accept", "text/html"), 406, "not_acceptable").await;
    refused(post("application/sdp", Vec::new()), 400, "invalid_request").await;
    refused(post("application/sdp", vec![0xff, 0xfe]), 400, "invalid_request").await;
    refused(post("application/sdp", b"hello".to_vec()), 422, "bad_offer").await;
    refused(post("application/sdp", vec![b'v'; 300 * 1024]), 413, "too_large").await;
    let named = server.post(&format!("{path}?name={}", "x".repeat(5000))).header("content-type", "application/sdp");
    refused(named.body(OFFER), 422, "out_of_range").await;
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        refused(server.request(method, &path), 405, "method_not_allowed").await;
    }
    poll(&server, &room.path("/participants"), &room.token, |people| *people == json!([])).await;
}

#[tokio::test]
async fn ice_is_trickled_and_restarted() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let (session, etag) = opened(&server, &door(&room, "whip")).await;
    let patch = |body: &str| {
        server.patch(&session).header("content-type", "application/trickle-ice-sdpfrag").body(body.to_owned())
    };
    let candidate = "a=ice-ufrag:theirs\r\na=ice-pwd:x\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n";
    assert_eq!(patch(candidate).send().await.unwrap().status(), 204);
    assert_eq!(patch(candidate).header("if-match", &etag).send().await.unwrap().status(), 204);
    refused(patch(candidate).header("if-match", "\"old\""), 412, "precondition_failed").await;
    refused(patch("hello"), 400, "invalid_request").await;
    refused(server.patch(&session).json(&json!({})), 415, "unsupported_media_type").await;

    let restart = patch(&candidate.replace("theirs", "new")).header("if-match", "*").send().await.unwrap();
    assert_eq!(restart.status(), 200);
    assert_ne!(restart.headers()["etag"].to_str().unwrap(), etag);
    assert_eq!(restart.headers()["content-type"], "application/trickle-ice-sdpfrag");
    let ours = restart.text().await.unwrap();
    assert!(ours.contains("a=ice-ufrag:ours\r\n") && ours.contains("typ host"), "{ours}");
    refused(patch(candidate).header("if-match", &etag), 412, "precondition_failed").await;
    let elsewhere = session.replace("/whip/", "/whep/");
    refused(server.delete(&elsewhere), 404, "not_found").await;
}

#[tokio::test]
async fn a_session_ends_with_its_media_its_removal_or_its_room() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let gone = async |session: String| {
        let ask = async {
            let patch = || server.patch(&session).header("content-type", "application/trickle-ice-sdpfrag").body("a=x");
            while patch().send().await.unwrap().status() != 404 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(SOON, ask).await.expect("the session ends");
    };
    let (lost, _) = opened(&server, &door(&room, "whip")).await;
    server.media.lose_everybody().await;
    gone(lost).await;
    poll(&server, &room.path("/participants"), &room.token, |people| *people == json!([])).await;

    let (removed, _) = opened(&server, &door(&room, "whep")).await;
    let people = poll(&server, &room.path("/participants"), &room.token, |people| people[0].is_object()).await;
    let person = room.path(&format!("/participants/{}", people[0]["id"].as_str().unwrap()));
    assert_eq!(server.delete(&person).bearer_auth(&room.token).send().await.unwrap().status(), 204);
    gone(removed).await;

    let (ended, _) = opened(&server, &door(&room, "whip")).await;
    server.delete(&room.path("")).bearer_auth(&room.token).send().await.unwrap();
    gone(ended).await;
}

#[tokio::test]
async fn turn_servers_are_handed_out() {
    let data = tempfile::tempdir().unwrap();
    let config = Config {
        data: data.path().to_owned(),
        turn_urls: vec!["turn:127.0.0.1:3478".to_owned()],
        turn_secret: Some("north".to_owned()),
        ..Config::default()
    };
    let server = Server::with(config).await;
    let room = server.room(json!({})).await;
    let response = knock(&server, &door(&room, "whip"), None).await;
    let link = response.headers()["link"].to_str().unwrap();
    assert!(link.starts_with("<turn:127.0.0.1:3478>; rel=\"ice-server\"; username=\""), "{link}");
    let mut socket = server.socket(&room.invitation).await;
    let turn = &socket.join("A", None).await["ice_servers"][0];
    assert_eq!(turn["urls"], json!(["turn:127.0.0.1:3478"]));
    assert!(turn["credential"].is_string() && turn["username"].is_string());
}

#[tokio::test]
async fn players_on_other_pages_may_knock() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let (session, _) = opened(&server, &door(&room, "whep")).await;
    for (path, header, value) in [
        (door(&room, "whep"), "accept-post", "application/sdp"),
        (session, "accept-patch", "application/trickle-ice-sdpfrag"),
    ] {
        let preflight =
            server.request(Method::OPTIONS, &path).header("origin", "https://player.example").send().await.unwrap();
        assert_eq!(preflight.status(), 204);
        let headers = preflight.headers();
        assert_eq!(
            (&headers[header], &headers["access-control-allow-origin"]),
            (&value.parse().unwrap(), &"*".parse().unwrap())
        );
        assert!(headers["access-control-allow-headers"].to_str().unwrap().contains("Authorization"));
        assert!(headers["access-control-expose-headers"].to_str().unwrap().contains("Location"));
    }
    let refused = knock(&server, "/api/v1/rooms/nobody/whep", None).await;
    assert_eq!(refused.headers()["access-control-allow-origin"], "*");
}

#[tokio::test]
async fn a_socket_needs_no_more_than_its_first_message() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let mut socket = Socket::open(server.address, &room.invitation).await;
    socket.send(json!({"type": "join", "protocol": 1, "name": "A", "request": 9})).await;
    assert_eq!(socket.next().await.unwrap()["type"], "welcome");
    assert_eq!(socket.until("done").await["request"], 9);
}
