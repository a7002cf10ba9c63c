//! Around the API: pages and their headers, health, the description, problem documents for everything else, TLS.

#![allow(clippy::unwrap_used, clippy::panic)]

mod http_support;

use http_support::{Server, refused};
use reqwest::Method;
use serde_json::{Value, json};
use veranda::config::{Config, TlsMode};

async fn server() -> (tempfile::TempDir, Server) {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    (data, server)
}

#[tokio::test]
async fn every_page_is_the_page_and_keeps_to_itself() {
    let (_data, server) = server().await;
    for path in ["/", "/privacy", "/r/some-invitation", "/r/unknown"] {
        let page = server.get(path).send().await.unwrap();
        assert_eq!(page.status(), 200, "{path}");
        let headers = page.headers().clone();
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/html"));
        let policy = headers["content-security-policy"].to_str().unwrap();
        for part in [
            "default-src 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "style-src 'self'",
            &format!("ws://{}", server.address),
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(
            (&headers["referrer-policy"], &headers["x-content-type-options"]),
            (&"no-referrer".parse().unwrap(), &"nosniff".parse().unwrap())
        );
        assert!(headers["permissions-policy"].to_str().unwrap().contains("camera=(self)"));
        assert!(page.text().await.unwrap().to_lowercase().contains("veranda"));
    }
    for path in [
        "/other",
        "/r",
        "/r/a/b",
        "/assets/nothing.js",
        "/api/v1/nothing",
        "/index.html",
        "/../Cargo.toml",
        "/assets/..%2f..%2fpackage.json",
    ] {
        refused(server.get(path), 404, "not_found").await;
    }
}

#[tokio::test]
async fn methods_that_are_not_taken_are_refused_by_what_is() {
    let (_data, server) = server().await;
    let response = server.request(Method::PUT, "/api/v1/rooms").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "POST");
    http_support::problem(response, 405, "method_not_allowed").await;
    refused(server.delete("/"), 405, "method_not_allowed").await;
    refused(server.post("/healthz"), 405, "method_not_allowed").await;
}

#[tokio::test]
async fn health_is_told_and_requests_are_counted_by_route() {
    let (_data, server) = server().await;
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
    assert_eq!(server.get("/readyz").send().await.unwrap().status(), 200);
    let room = server.room(json!({})).await;
    server.get(&format!("/api/v1/rooms/{}", room.invitation)).send().await.unwrap();
    let mut socket = server.socket(&room.invitation).await;
    socket.join("Anna", None).await;
    let metrics = server.get("/metrics").send().await.unwrap();
    assert!(metrics.headers()["content-type"].to_str().unwrap().starts_with("text/plain"));
    let text = metrics.text().await.unwrap();
    for line in [
        "veranda_http_requests_total{route=\"/api/v1/rooms\",method=\"POST\",status=\"201\"}",
        "veranda_http_requests_total{route=\"/api/v1/rooms/{room}\",method=\"GET\",status=\"200\"}",
        "veranda_rooms ",
        "veranda_participants{kind=\"browser\"}",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(!text.contains(&room.invitation) && !text.contains(&room.token));
}

#[tokio::test]
async fn metrics_may_have_an_address_of_their_own() {
    let data = tempfile::tempdir().unwrap();
    let listen = Some("127.0.0.1:0".parse().unwrap());
    let server =
        Server::with(Config { data: data.path().to_owned(), metrics_listen: listen, ..Config::default() }).await;
    refused(server.get("/metrics"), 404, "not_found").await;
    let own = format!("http://{}", server.metrics.unwrap());
    assert_eq!(server.client.get(format!("{own}/metrics")).send().await.unwrap().status(), 200);
    assert_eq!(server.client.get(format!("{own}/")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn the_description_names_every_call() {
    let (_data, server) = server().await;
    let description: Value = server.get("/api/v1/openapi.json").send().await.unwrap().json().await.unwrap();
    assert!(description["openapi"].as_str().unwrap().starts_with("3."));
    for (path, methods) in [
        ("/api/v1/rooms", vec!["post"]),
        ("/api/v1/rooms/{room}", vec!["get", "patch", "delete"]),
        ("/api/v1/rooms/{room}/invitation", vec!["post"]),
        ("/api/v1/rooms/{room}/participants", vec!["get"]),
        ("/api/v1/rooms/{room}/participants/{participant}", vec!["patch", "delete"]),
        ("/api/v1/rooms/{room}/recordings", vec!["get", "post"]),
        ("/api/v1/recordings/{recording}", vec!["get", "delete"]),
        ("/api/v1/recordings/{recording}/stop", vec!["post"]),
        ("/api/v1/recordings/{recording}/file", vec!["get"]),
        ("/api/v1/rooms/{room}/streams", vec!["get", "post"]),
        ("/api/v1/streams/{stream}", vec!["delete"]),
        ("/api/v1/rooms/{room}/mix.jpg", vec!["get"]),
        ("/api/v1/rooms/{room}/hls/index.m3u8", vec!["get"]),
        ("/api/v1/rooms/{room}/hls/{segment}", vec!["get"]),
        ("/api/v1/rooms/{room}/socket", vec!["get"]),
        ("/api/v1/rooms/{room}/whip", vec!["post"]),
        ("/api/v1/rooms/{room}/whip/{session}", vec!["patch", "delete"]),
        ("/api/v1/rooms/{room}/whep", vec!["post"]),
        ("/api/v1/rooms/{room}/whep/{session}", vec!["patch", "delete"]),
        ("/healthz", vec!["get"]),
        ("/readyz", vec!["get"]),
    ] {
        for method in methods {
            let call = &description["paths"][path][method];
            assert!(call.is_object(), "{method} {path}");
            assert!(call["responses"]["default"]["content"]["application/problem+json"].is_object(), "{method} {path}");
        }
    }
    let schemas = &description["components"]["schemas"];
    for schema in ["NewRoom", "CreatedRoom", "Room", "Problem", "Recording", "Stream", "Activity"] {
        assert!(schemas[schema].is_object(), "{schema}");
    }
    assert_eq!(description["components"]["securitySchemes"]["token"]["scheme"], "bearer");
}

#[tokio::test]
async fn links_begin_with_the_public_url_or_as_the_client_came() {
    let data = tempfile::tempdir().unwrap();
    let public_url = Some("https://rooms.example".parse().unwrap());
    let server = Server::with(Config { data: data.path().to_owned(), public_url, ..Config::default() }).await;
    let room = server.room(json!({})).await;
    assert_eq!(room.made["url"], format!("https://rooms.example/r/{}", room.invitation));
    drop(server);
    let server = Server::start(data.path()).await;
    let made = server.post("/api/v1/rooms").header("host", "veranda.home:8080").send().await.unwrap();
    let made: Value = made.json().await.unwrap();
    assert!(made["host_url"].as_str().unwrap().starts_with("http://veranda.home:8080/r/"), "{made}");
}

#[tokio::test]
async fn self_signed_tls_shakes_hands_and_offers_one_http() {
    use rustls_pki_types::pem::PemObject;
    let data = tempfile::tempdir().unwrap();
    let server =
        Server::with(Config { data: data.path().to_owned(), tls: TlsMode::SelfSigned, ..Config::default() }).await;
    assert!(server.base.starts_with("https://localhost:"), "{}", server.base);
    let certificate = rustls_pki_types::CertificateDer::from_pem_file(data.path().join("tls/cert.pem")).unwrap();
    let address = server.address;
    let answer = tokio::task::spawn_blocking(move || get_over_tls(address, certificate)).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("ready"), "{answer}");
}

fn get_over_tls(address: std::net::SocketAddr, certificate: rustls_pki_types::CertificateDer<'static>) -> String {
    use std::io::{Read, Write};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
    let connection = rustls::ClientConnection::new(std::sync::Arc::new(config), name).unwrap();
    let mut stream = rustls::StreamOwned::new(connection, std::net::TcpStream::connect(address).unwrap());
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    // A server may end the connection without TLS's goodbye; what was read counts.
    let _ = stream.read_to_string(&mut answer);
    answer
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap();
    let error =
        veranda::http::Listener::bind(&std::sync::Arc::new(Config { listen, ..Config::default() })).unwrap_err();
    let line = format!("{error:#}");
    assert!(line.starts_with(&format!("listen: {listen}: ")), "{line}");
}
