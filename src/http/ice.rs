//! TURN servers with credentials that end by themselves: coturn's `use-auth-secret` (draft-uberti-behave-turn-rest-00).

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::HeaderValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::config::Config;
use crate::protocol::server::IceServer;

/// What a client may use to reach us, for as long as the configuration says.
pub(super) fn servers(config: &Config, now: SystemTime) -> Vec<IceServer> {
    let (turn, stun): (Vec<_>, Vec<_>) = config.turn_urls.iter().cloned().partition(|url| url.starts_with("turn"));
    let mut servers = Vec::new();
    if !stun.is_empty() {
        servers.push(IceServer { urls: stun, username: None, credential: None });
    }
    if let (false, Some(secret)) = (turn.is_empty(), &config.turn_secret) {
        let expiry = (now + config.turn_lifetime()).duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        // Nothing about the person: coturn logs it.
        let username = format!("{expiry}:veranda");
        servers.push(IceServer {
            urls: turn,
            credential: Some(credential(secret, &username)),
            username: Some(username),
        });
    }
    servers
}

fn credential(secret: &str, username: &str) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(username.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// The same as `Link` fields (RFC 9725, section 4.6).
pub(super) fn links(servers: &[IceServer]) -> Vec<HeaderValue> {
    let link = |server: &IceServer, url: &String| {
        let mut link = format!("<{url}>; rel=\"ice-server\"");
        if let (Some(username), Some(credential)) = (&server.username, &server.credential) {
            link.push_str(&format!(
                "; username=\"{username}\"; credential=\"{credential}\"; credential-type=\"password\""
            ));
        }
        HeaderValue::try_from(link).ok()
    };
    servers.iter().flat_map(|server| server.urls.iter().filter_map(|url| link(server, url))).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn config() -> Config {
        Config {
            turn_urls: vec!["turn:t.example:3478?transport=udp".to_owned(), "stun:t.example".to_owned()],
            turn_secret: Some("north".to_owned()),
            turn_ttl: 3600,
            ..Config::default()
        }
    }

    #[test]
    fn credentials_are_what_coturn_computes() {
        // printf 1800000000:veranda | openssl dgst -sha1 -hmac north -binary | base64
        let now = UNIX_EPOCH + Duration::from_secs(1_800_000_000 - 3600);
        let servers = servers(&config(), now);
        assert_eq!(servers[1].username.as_deref(), Some("1800000000:veranda"));
        assert_eq!(servers[1].credential.as_deref(), Some("CUmb9Pdd2eXXXLfrlGdkCPfoho8="));
        assert_eq!((servers[0].urls.len(), &servers[0].username), (1, &None));
    }

    #[test]
    fn links_name_every_server() {
        let links = links(&servers(&config(), UNIX_EPOCH));
        assert_eq!(links[0], "<stun:t.example>; rel=\"ice-server\"");
        let turn = links[1].to_str().unwrap();
        assert!(turn.starts_with("<turn:t.example:3478?transport=udp>; rel=\"ice-server\"; username=\"3600:veranda\""));
        assert!(turn.ends_with("credential-type=\"password\""));
        assert!(servers(&Config::default(), UNIX_EPOCH).is_empty());
    }
}
