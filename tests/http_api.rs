//! The contract's HTTP API on real sockets: every call, every status code.

#![allow(clippy::unwrap_used, clippy::panic)]

mod http_support;

use http_support::{OFFER, Room, Server, film, poll, problem, refused};
use reqwest::Method;
use serde_json::{Value, json};
use veranda::config::{Config, CreatePolicy};

async fn server() -> (tempfile::TempDir, Server) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    (data, server)
}

#[tokio::test]
async fn a_room_is_made_with_everything_or_nothing() {
    let (_data, server) = server().await;
    let room = server
        .room(
            json!({"name": " Chez Zoé ", "activity": "family", "max_participants": 12, "locked": true, "lobby": true}),
        )
        .await;
    let made = &room.made;
    assert_eq!((made["name"].as_str(), made["activity"].as_str()), (Some("Chez Zoé"), Some("family")));
    assert_eq!((&made["max_participants"], &made["locked"], &made["lobby"]), (&json!(12), &json!(true), &json!(true)));
    assert_eq!((room.invitation.len(), room.token.len()), (22, 22));
    let url = format!("http://{}/r/{}", server.address, room.invitation);
    assert_eq!(made["url"], url);
    assert_eq!(made["host_url"], format!("{url}#host={}", room.token));
    assert!(made["created_at"].as_str().unwrap().ends_with('Z'));

    let plain = server.post("/api/v1/rooms").send().await.unwrap();
    assert_eq!(plain.status(), 201);
    let plain: Value = plain.json().await.unwrap();
    assert_eq!(
        (&plain["max_participants"], &plain["locked"], &plain["lobby"]),
        (&json!(50), &json!(false), &json!(false))
    );
    assert_ne!(plain["invitation"], made["invitation"]);
}

#[tokio::test]
async fn each_mistake_in_a_new_room_is_named() {
    let (_data, server) = server().await;
    let long = "x".repeat(10_000);
    for (body, status, code, part) in [
        ("{", 400, "invalid_request", "EOF"),
        ("[]", 400, "invalid_request", ""),
        ("{\"colour\": 1}", 400, "invalid_request", "colour"),
        ("{\"activity\": \"sleep\"}", 400, "invalid_request", "sleep"),
        ("{\"locked\": 1}", 400, "invalid_request", "locked"),
        ("{\"max_participants\": 1}", 422, "out_of_range", "max_participants"),
        ("{\"max_participants\": 51}", 422, "out_of_range", "50"),
        ("{\"max_participants\": -1}", 422, "out_of_range", "max_participants"),
        ("{\"max_participants\": 9000000000}", 422, "out_of_range", "max_participants"),
        (&format!("{{\"name\": \"{long}\"}}"), 422, "out_of_range", "name"),
        ("{\"name\": \"  \"}", 422, "out_of_range", "name"),
    ] {
        let request = server.post("/api/v1/rooms").header("content-type", "application/json").body(body.to_owned());
        let detail = refused(request, status, code).await;
        assert!(detail.contains(part), "{body}: {detail}");
    }
    let typed = server.post("/api/v1/rooms").header("content-type", "text/plain").body("{}");
    refused(typed, 415, "unsupported_media_type").await;
    let huge = server.post("/api/v1/rooms").header("content-type", "application/json").body(" ".repeat(70_000));
    refused(huge, 413, "too_large").await;
}

#[tokio::test]
async fn a_room_is_seen_by_its_invitation_or_by_its_id_with_a_token() {
    let (_data, server) = server().await;
    let room = server.room(json!({"name": "A"})).await;
    let seen: Value =
        server.get(&format!("/api/v1/rooms/{}", room.invitation)).send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["id"], room.id);
    assert_eq!((&seen["participants"], &seen["recording"], &seen["live"]), (&json!(0), &json!(false), &json!(false)));
    for secret in ["invitation", "host_token", "url", "host_url"] {
        assert!(seen.get(secret).is_none(), "{secret}");
    }
    let rules = json!({"guests_share": true, "join_muted": false, "recording": true, "names_shown": false});
    assert_eq!((&seen["rules"], seen.get("names")), (&rules, None));
    let by_id = server.get(&room.path("")).bearer_auth(&room.token).send().await.unwrap();
    assert_eq!(by_id.status(), 200);
    let change = json!({"rules": {"names_shown": true, "join_muted": true}});
    let changed = server.request(Method::PATCH, &room.path("")).bearer_auth(&room.token).json(&change);
    let changed: Value = changed.send().await.unwrap().json().await.unwrap();
    assert_eq!((&changed["rules"]["names_shown"], &changed["rules"]["guests_share"]), (&json!(true), &json!(true)));
    assert_eq!(changed["names"], json!([]), "nobody is in");
    let unknown = json!({"rules": {"smoking": true}});
    let unknown = server.request(Method::PATCH, &room.path("")).bearer_auth(&room.token).json(&unknown);
    assert!(refused(unknown, 400, "invalid_request").await.contains("smoking"));
    refused(server.get(&room.path("")), 401, "unauthorized").await;
    refused(server.get("/api/v1/rooms/nobody"), 404, "not_found").await;
    refused(server.get("/api/v1/rooms/%ff"), 404, "not_found").await;
}

#[tokio::test]
async fn host_calls_need_the_right_token() {
    let data = tempfile::tempdir().unwrap();
    let key = "an-api-key-of-some-length";
    let config = Config { data: data.path().to_owned(), api_keys: vec![key.to_owned()], ..Config::default() };
    let server = Server::with(config).await;
    let (room, other) = (server.room(json!({})).await, server.room(json!({})).await);
    let calls = [
        (Method::PATCH, room.path("")),
        (Method::POST, room.path("/invitation")),
        (Method::GET, room.path("/participants")),
        (Method::PATCH, room.path("/participants/p1")),
        (Method::DELETE, room.path("/participants/p1")),
        (Method::POST, room.path("/recordings")),
        (Method::GET, room.path("/recordings")),
        (Method::POST, room.path("/streams")),
        (Method::GET, room.path("/streams")),
        (Method::DELETE, room.path("")),
    ];
    for (method, path) in &calls {
        let call = || server.request(method.clone(), path).json(&json!({}));
        refused(call(), 401, "unauthorized").await;
        refused(call().bearer_auth("nobody's"), 401, "unauthorized").await;
        refused(call().header("authorization", "Basic abc"), 401, "unauthorized").await;
        refused(call().bearer_auth(&other.token), 403, "forbidden").await;
    }
    for (method, path) in [(Method::GET, "/api/v1/recordings/o1"), (Method::DELETE, "/api/v1/streams/o1")] {
        refused(server.request(method.clone(), path), 401, "unauthorized").await;
        refused(server.request(method, path).bearer_auth(&room.token), 404, "not_found").await;
    }
    let unknown = server.patch("/api/v1/rooms/r123").bearer_auth(&room.token).json(&json!({}));
    refused(unknown, 404, "not_found").await;
    for token in [&room.token, key] {
        assert_eq!(server.get(&room.path("/participants")).bearer_auth(token).send().await.unwrap().status(), 200);
    }
}

#[tokio::test]
async fn making_rooms_can_be_kept_to_api_keys() {
    let data = tempfile::tempdir().unwrap();
    let key = "an-api-key-of-some-length";
    let config = Config {
        data: data.path().to_owned(),
        api_keys: vec![key.to_owned()],
        create: CreatePolicy::ApiKey,
        max_rooms: 1,
        ..Config::default()
    };
    let server = Server::with(config).await;
    refused(server.post("/api/v1/rooms"), 401, "unauthorized").await;
    refused(server.post("/api/v1/rooms").bearer_auth("wrong"), 401, "unauthorized").await;
    let made = server.post("/api/v1/rooms").bearer_auth(key).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let room: Value = made.json().await.unwrap();
    let token = room["host_token"].as_str().unwrap();
    refused(server.post("/api/v1/rooms").bearer_auth(token), 403, "forbidden").await;
    let full = server.post("/api/v1/rooms").bearer_auth(key).send().await.unwrap();
    assert!(full.headers().contains_key("retry-after"));
    problem(full, 503, "unavailable").await;
}

#[tokio::test]
async fn a_room_is_changed_and_its_invitation_renewed() {
    let (_data, server) = server().await;
    let room = server.room(json!({"name": "A"})).await;
    let change = json!({"name": "B", "activity": "show", "locked": true, "lobby": true, "layout": "speaker"});
    let changed = server.patch(&room.path("")).bearer_auth(&room.token).json(&change).send().await.unwrap();
    assert_eq!(changed.status(), 200);
    let changed: Value = changed.json().await.unwrap();
    for (key, value) in change.as_object().unwrap() {
        assert_eq!(&changed[key], value, "{key}");
    }
    let nameless = server.patch(&room.path("")).bearer_auth(&room.token).json(&json!({"name": "y".repeat(81)}));
    refused(nameless, 422, "out_of_range").await;
    let unknown = server.patch(&room.path("")).bearer_auth(&room.token).json(&json!({"max_participants": 3}));
    assert!(refused(unknown, 400, "invalid_request").await.contains("max_participants"));

    let renewed: Value =
        server.post(&room.path("/invitation")).bearer_auth(&room.token).send().await.unwrap().json().await.unwrap();
    let code = renewed["invitation"].as_str().unwrap();
    assert_eq!(renewed["url"], format!("http://{}/r/{code}", server.address));
    refused(server.get(&format!("/api/v1/rooms/{}", room.invitation)), 410, "gone").await;
    assert_eq!(server.get(&format!("/api/v1/rooms/{code}")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_ended_room_is_gone() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let ended = server.delete(&room.path("")).bearer_auth(&room.token).send().await.unwrap();
    assert_eq!(ended.status(), 204);
    refused(server.get(&format!("/api/v1/rooms/{}", room.invitation)), 410, "gone").await;
    refused(server.get(&room.path("")).bearer_auth(&room.token), 410, "gone").await;
    refused(server.delete(&room.path("")).bearer_auth(&room.token), 410, "gone").await;
    let whip = server.post(&format!("/api/v1/rooms/{}/whip", room.invitation));
    refused(whip.header("content-type", "application/sdp").body(OFFER), 410, "gone").await;
}

#[tokio::test]
async fn rooms_survive_a_restart() {
    let (data, server) = server().await;
    let room = server.room(json!({"name": "Kept", "locked": true})).await;
    let gone = server.room(json!({})).await;
    server.post(&room.path("/invitation")).bearer_auth(&room.token).send().await.unwrap();
    server.delete(&gone.path("")).bearer_auth(&gone.token).send().await.unwrap();
    server.stop().await;

    let server = Server::start(data.path()).await;
    let seen: Value = server.get(&room.path("")).bearer_auth(&room.token).send().await.unwrap().json().await.unwrap();
    assert_eq!((&seen["name"], &seen["locked"]), (&json!("Kept"), &json!(true)));
    refused(server.get(&format!("/api/v1/rooms/{}", room.invitation)), 410, "gone").await;
    refused(server.get(&format!("/api/v1/rooms/{}", gone.invitation)), 410, "gone").await;
}

#[tokio::test]
async fn people_are_listed_muted_promoted_and_removed() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let mut guest = server.socket(&room.invitation).await;
    let you = guest.join("Ben", None).await["you"].as_str().unwrap().to_owned();
    let people: Value =
        server.get(&room.path("/participants")).bearer_auth(&room.token).send().await.unwrap().json().await.unwrap();
    let ben = &people[0];
    assert_eq!((&ben["id"], &ben["name"], &ben["role"]), (&json!(you), &json!("Ben"), &json!("guest")));
    assert_eq!((&ben["kind"], &ben["view"], &ben["camera"]), (&json!("browser"), &json!("tiles"), &json!(false)));
    let keys: Vec<_> = ben.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys.len(), 9, "{keys:?}");

    let path = room.path(&format!("/participants/{you}"));
    let change = |body: Value| server.patch(&path).bearer_auth(&room.token).json(&body);
    let promoted: Value = change(json!({"role": "host", "muted": true})).send().await.unwrap().json().await.unwrap();
    assert_eq!(promoted["role"], "host");
    guest.until("muted").await;
    refused(change(json!({"volume": 3})), 400, "invalid_request").await;
    refused(
        server.patch(&room.path("/participants/p1")).bearer_auth(&room.token).json(&json!({"muted": true})),
        404,
        "not_found",
    )
    .await;
    refused(server.delete(&room.path("/participants/xyz")).bearer_auth(&room.token), 404, "not_found").await;

    assert_eq!(server.delete(&path).bearer_auth(&room.token).send().await.unwrap().status(), 204);
    guest.closes("removed").await;
    refused(server.delete(&path).bearer_auth(&room.token), 404, "not_found").await;
}

async fn record(server: &Server, room: &Room) -> Value {
    let started = server.post(&room.path("/recordings")).bearer_auth(&room.token).json(&json!({"layout": "grid"}));
    let started = started.send().await.unwrap();
    assert_eq!(started.status(), 201);
    started.json().await.unwrap()
}

#[tokio::test]
async fn a_recording_runs_is_finished_and_deleted() {
    let (_data, server) = server().await;
    let (room, other) = (server.room(json!({"name": "Zoé"})).await, server.room(json!({})).await);
    let recording = record(&server, &room).await;
    let path = format!("/api/v1/recordings/{}", recording["id"].as_str().unwrap());
    assert_eq!(
        (&recording["room"], &recording["width"], &recording["fps"]),
        (&json!(room.id), &json!(1280), &json!(30))
    );
    assert!(recording.get("error").is_none());
    poll(&server, &path, &room.token, |one| one["state"] == "live").await;
    let seen: Value = server.get(&room.path("")).bearer_auth(&room.token).send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["recording"], true);
    refused(server.delete(&path).bearer_auth(&room.token), 409, "conflict").await;
    refused(server.get(&format!("{path}/file")).bearer_auth(&room.token), 409, "conflict").await;
    refused(server.get(&path).bearer_auth(&other.token), 403, "forbidden").await;

    let stopped = server.post(&format!("{path}/stop")).bearer_auth(&room.token).send().await.unwrap();
    assert_eq!(stopped.status(), 200);
    let complete = poll(&server, &path, &room.token, |one| one["state"] == "complete").await;
    assert_eq!((&complete["bytes"], &complete["duration"]), (&json!(1000), &json!(2.5)));
    let name = complete["files"][0].as_str().unwrap();
    assert!(name.starts_with("Veranda Zoé ") && name.ends_with(".mp4"), "{name}");
    let list: Value =
        server.get(&room.path("/recordings")).bearer_auth(&room.token).send().await.unwrap().json().await.unwrap();
    assert_eq!(list.as_array().unwrap().len(), 1);

    assert_eq!(server.delete(&path).bearer_auth(&room.token).send().await.unwrap().status(), 204);
    refused(server.get(&path).bearer_auth(&room.token), 404, "not_found").await;
}

#[tokio::test]
async fn what_the_mix_cannot_do_is_named() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    for (body, part) in [
        (json!({"width": 1922}), "width must be an even number from 640 to 1920"),
        (json!({"width": 1279, "height": 720}), "width"),
        (json!({"height": 0}), "height must be an even number from 360 to 1080"),
        (json!({"fps": -1}), "fps must be a number from 10 to 60"),
        (json!({"fps": 61}), "fps"),
        (json!({"bitrate": 9}), "bitrate"),
    ] {
        let request = server.post(&room.path("/recordings")).bearer_auth(&room.token).json(&body);
        assert!(refused(request, 422, "out_of_range").await.contains(part), "{body}");
    }
    for body in [json!({"layout": "pile"}), json!({"width": "wide"}), json!({"wide": 1})] {
        let request = server.post(&room.path("/recordings")).bearer_auth(&room.token).json(&body);
        refused(request, 400, "invalid_request").await;
    }
    let stream = json!({"url": "rtmp://a.example/app/key", "height": 1082});
    let request = server.post(&room.path("/streams")).bearer_auth(&room.token).json(&stream);
    assert!(refused(request, 422, "out_of_range").await.contains("height"));
}

#[tokio::test]
async fn a_picture_has_the_size_of_whoever_came_first() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let shown = |room: Value| room["layout"].clone();
    let state =
        async || server.get(&room.path("")).bearer_auth(&room.token).send().await.unwrap().json().await.unwrap();
    assert_eq!(shown(state().await), "auto");
    let start = async |body: Value| {
        let request = server.post(&room.path("/recordings")).bearer_auth(&room.token).json(&body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    let size = |one: &Value| ["width", "height", "fps"].map(|field| one[field].as_i64().unwrap());
    let (status, first) = start(json!({"layout": "stage", "height": 1080, "fps": 25})).await;
    assert_eq!((status, size(&first), &first["layout"]), (201, [1920, 1080, 25], &json!("stage")));
    assert_eq!(shown(state().await), "stage", "one mix, one layout");

    let (status, problem) = start(json!({"width": 1280, "height": 720, "layout": "grid"})).await;
    assert_eq!((status, &problem["code"]), (409, &json!("conflict")));
    assert!(problem["detail"].as_str().unwrap().contains("1920x1080 at 25 frames a second"), "{problem}");
    assert_eq!(shown(state().await), "stage", "what was refused changed nothing");
    let (status, second) = start(json!({})).await;
    assert_eq!((status, size(&second)), (201, [1920, 1080, 25]));
    let stream = json!({"url": "rtmp://a.example/app/key", "height": 720});
    refused(server.post(&room.path("/streams")).bearer_auth(&room.token).json(&stream), 409, "conflict").await;

    for one in [first, second] {
        let path = format!("/api/v1/recordings/{}", one["id"].as_str().unwrap());
        server.post(&format!("{path}/stop")).bearer_auth(&room.token).send().await.unwrap();
        let done = poll(&server, &path, &room.token, |one| one["state"] == "complete").await;
        assert_eq!(size(&done), [1920, 1080, 25], "as it was made");
    }
    let (status, third) = start(json!({})).await;
    assert_eq!((status, size(&third)), (201, [1280, 720, 30]), "nobody asks for the large one any more");
}

#[tokio::test]
async fn a_file_is_served_whole_and_in_ranges() {
    let (_data, server) = server().await;
    let room = server.room(json!({"name": "Zoé"})).await;
    let id = record(&server, &room).await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/recordings/{id}");
    server.post(&format!("{path}/stop")).bearer_auth(&room.token).send().await.unwrap();
    poll(&server, &path, &room.token, |one| one["state"] == "complete").await;
    let file = format!("{path}/file");
    let get = || server.get(&file).bearer_auth(&room.token);

    let whole = get().send().await.unwrap();
    assert_eq!((whole.status().as_u16(), &whole.headers()["content-type"]), (200, &"video/mp4".parse().unwrap()));
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    let disposition = whole.headers()["content-disposition"].to_str().unwrap();
    assert!(
        disposition.starts_with("attachment; filename=\"Veranda Zo_") && disposition.contains("Zo%C3%A9"),
        "{disposition}"
    );
    let etag = whole.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(whole.bytes().await.unwrap(), film());

    for (range, content_range, expected) in [
        ("bytes=10-19", "bytes 10-19/1000", 10..20),
        ("bytes=990-", "bytes 990-999/1000", 990..1000),
        ("bytes=-5", "bytes 995-999/1000", 995..1000),
    ] {
        let part = get().header("range", range).send().await.unwrap();
        assert_eq!((part.status().as_u16(), &part.headers()["content-range"]), (206, &content_range.parse().unwrap()));
        assert_eq!(part.headers()["content-length"], expected.len().to_string());
        assert_eq!(part.bytes().await.unwrap(), film()[expected]);
    }
    let beyond = get().header("range", "bytes=1000-").send().await.unwrap();
    assert_eq!(beyond.headers()["content-range"], "bytes */1000");
    problem(beyond, 416, "range_not_satisfiable").await;
    let changed = get().header("range", "bytes=0-1").header("if-range", "\"old\"").send().await.unwrap();
    assert_eq!((changed.status().as_u16(), changed.bytes().await.unwrap().len()), (200, 1000));
    let same = get().header("range", "bytes=0-1").header("if-range", &etag).send().await.unwrap();
    assert_eq!(same.status(), 206);
    assert_eq!(get().header("if-none-match", &etag).send().await.unwrap().status(), 304);
    let head = server.request(Method::HEAD, &file).bearer_auth(&room.token).send().await.unwrap();
    assert_eq!((head.status().as_u16(), &head.headers()["content-length"]), (200, &"1000".parse().unwrap()));
    refused(server.get(&file), 401, "unauthorized").await;

    // For a player, which sends no token: a link of this one file.
    refused(server.post(&format!("{path}/link")), 401, "unauthorized").await;
    let made = server.post(&format!("{path}/link")).bearer_auth(&room.token).send().await.unwrap();
    assert_eq!(made.status(), 201);
    let link = made.json::<Value>().await.unwrap()["url"].as_str().unwrap().to_owned();
    let part = server.get(&link).header("range", "bytes=10-19").send().await.unwrap();
    assert_eq!((part.status().as_u16(), part.bytes().await.unwrap()), (206, film()[10..20].to_vec().into()));
    refused(server.get(&format!("{link}x")), 401, "unauthorized").await;
    refused(server.get(&link.replace(&id, "o1")), 401, "unauthorized").await;
}

#[tokio::test]
async fn an_ended_room_s_recordings_stay_its_host_s() {
    let (data, server) = server().await;
    let (room, other) = (server.room(json!({})).await, server.room(json!({})).await);
    let id = record(&server, &room).await["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/recordings/{id}");
    poll(&server, &path, &room.token, |one| one["state"] == "live").await;
    assert_eq!(server.delete(&room.path("")).bearer_auth(&room.token).send().await.unwrap().status(), 204);
    poll(&server, &path, &room.token, |one| one["state"] == "complete").await;
    server.stop().await;

    let server = Server::start(data.path()).await;
    let file = server.get(&format!("{path}/file")).bearer_auth(&room.token).send().await.unwrap();
    assert_eq!(file.bytes().await.unwrap(), film());
    refused(server.get(&path).bearer_auth(&other.token), 403, "forbidden").await;
    refused(server.get(&path).bearer_auth("nobody's"), 401, "unauthorized").await;
    refused(server.post(&format!("{path}/stop")).bearer_auth(&room.token), 409, "conflict").await;
    let list = server.get(&room.path("/recordings")).bearer_auth(&room.token).send().await.unwrap();
    assert_eq!(list.json::<Value>().await.unwrap()[0]["id"], id);
    refused(server.get(&room.path("/recordings")).bearer_auth(&other.token), 403, "forbidden").await;
    assert_eq!(server.delete(&path).bearer_auth(&room.token).send().await.unwrap().status(), 204);
}

#[tokio::test]
async fn streams_start_hide_their_key_and_end() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let start = |body: Value| server.post(&room.path("/streams")).bearer_auth(&room.token).json(&body);
    let started = start(json!({"url": "rtmp://live.example/app/very-secret"})).send().await.unwrap();
    assert_eq!(started.status(), 201);
    let text = started.text().await.unwrap();
    assert!(!text.contains("very-secret"), "{text}");
    let stream: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&stream["room"], &stream["retries"]), (&json!(room.id), &json!(0)));
    let list = poll(&server, &room.path("/streams"), &room.token, |list| list[0]["state"] == "live").await;
    assert!(!list.to_string().contains("very-secret"));
    let seen: Value = server.get(&room.path("")).bearer_auth(&room.token).send().await.unwrap().json().await.unwrap();
    assert_eq!(seen["live"], true);
    let path = format!("/api/v1/streams/{}", stream["id"].as_str().unwrap());
    assert_eq!(server.delete(&path).bearer_auth(&room.token).send().await.unwrap().status(), 204);
    poll(&server, &room.path("/streams"), &room.token, |list| list[0]["state"] == "ended").await;
    for url in ["http://live.example/app/key", "rtmp://", "hello", ""] {
        let response = start(json!({"url": url})).send().await.unwrap();
        assert_eq!(response.status(), 422, "{url}");
    }
    refused(start(json!({})), 400, "invalid_request").await;
}

#[tokio::test]
async fn hls_is_handed_out_under_the_invitation_while_it_runs() {
    let (_data, server) = server().await;
    let room = server.room(json!({"locked": true})).await;
    let state: Value = server.get(&room.path("")).bearer_auth(&room.token).send().await.unwrap().json().await.unwrap();
    assert_eq!(state["locked"], true);
    let place = format!("/api/v1/rooms/{}/hls", room.invitation);
    let told = refused(server.get(&format!("{place}/index.m3u8")), 404, "not_found").await;
    assert!(told.contains("not live to HLS"), "{told}");
    let start = |body: Value| server.post(&room.path("/streams")).bearer_auth(&room.token).json(&body);
    refused(start(json!({"url": "hls:all"})), 422, "out_of_range").await;
    let stream: Value = start(json!({"url": "hls:"})).send().await.unwrap().json().await.unwrap();
    assert_eq!(stream["url"], "hls:");
    assert!(stream["playlist"].as_str().unwrap().ends_with(&format!("{place}/index.m3u8")), "{stream}");
    refused(start(json!({"url": "hls:event"})), 409, "conflict").await;

    let id = stream["id"].as_str().unwrap();
    let folder = server.storage.segments().join(id);
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("index.m3u8"), "#EXTM3U\n").unwrap();
    std::fs::write(folder.join("index.new"), "half").unwrap();
    std::fs::write(folder.join(format!("{id}-000001.ts")), film()).unwrap();
    // Locked or not: who has the invitation may watch, and a player of any page.
    let playlist = server.get(&format!("{place}/index.m3u8")).send().await.unwrap();
    let header = |name: &str| playlist.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "application/vnd.apple.mpegurl");
    assert_eq!((header("cache-control"), header("access-control-allow-origin")), ("no-cache".into(), "*".into()));
    assert_eq!(playlist.text().await.unwrap(), "#EXTM3U\n");
    let segment = server.get(&format!("{place}/{id}-000001.ts")).send().await.unwrap();
    assert_eq!((segment.status().as_u16(), segment.headers()["content-type"].to_str().unwrap()), (200, "video/mp2t"));
    assert!(segment.headers()["cache-control"].to_str().unwrap().contains("max-age"));
    assert_eq!(segment.bytes().await.unwrap(), film());
    for name in ["index.new", "..%2f..%2fveranda.db", "%2e%2e", &format!("{id}-000002.ts"), "o1-000001.ts"] {
        refused(server.get(&format!("{place}/{name}")), 404, "not_found").await;
    }
    let by_id = room.path("/hls/index.m3u8");
    assert_eq!(server.get(&by_id).bearer_auth(&room.token).send().await.unwrap().status(), 200);
    refused(server.get(&by_id), 401, "unauthorized").await;

    assert_eq!(server.post(&room.path("/invitation")).bearer_auth(&room.token).send().await.unwrap().status(), 200);
    refused(server.get(&format!("{place}/index.m3u8")), 410, "gone").await;
}

#[tokio::test]
async fn a_picture_of_the_room_is_for_hosts() {
    let (_data, server) = server().await;
    let room = server.room(json!({})).await;
    let path = room.path("/mix.jpg");
    refused(server.get(&path), 401, "unauthorized").await;
    let told = refused(server.get(&path).bearer_auth(&room.token), 409, "conflict").await;
    assert!(told.contains("nobody is in the room"), "{told}");
    server.post(&room.path("/streams")).bearer_auth(&room.token).json(&json!({"url": "hls:"})).send().await.unwrap();
    for _ in 0..2 {
        let jpeg = server.get(&path).bearer_auth(&room.token).send().await.unwrap();
        assert_eq!((jpeg.status().as_u16(), jpeg.headers()["content-type"].to_str().unwrap()), (200, "image/jpeg"));
        assert_eq!(jpeg.bytes().await.unwrap()[..], [0xff, 0xd8]);
    }
}

#[tokio::test]
async fn too_many_rooms_are_too_many() {
    let (_data, server) = server().await;
    for _ in 0..125 {
        let response = server.post("/api/v1/rooms").send().await.unwrap();
        if response.status() == 429 {
            let wait: u64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
            assert!((1..=60).contains(&wait));
            problem(response, 429, "too_many").await;
            return;
        }
    }
    panic!("there is no limit");
}
