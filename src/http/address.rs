//! Who asks, and under which address they reached us: behind a trusted proxy, what it says.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::SharedApp;
use super::error::Problem;
use crate::config::{Config, TlsMode};

/// The client of a request.
#[derive(Debug, Clone)]
pub(super) struct Client {
    /// Its address, for limits; of IPv6 the network, since a client has a whole one to itself.
    pub(super) address: IpAddr,
    /// What it put before the path: scheme, host and port. Links begin with it.
    pub(super) base_url: String,
}

impl FromRequestParts<SharedApp> for Client {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &SharedApp) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let config = &app.state.config;
        let proxied = peer.is_some_and(|peer| config.trusted_proxies.contains(&peer));
        let peer = peer.unwrap_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED));
        let address = if proxied { forwarded_for(&parts.headers, config).unwrap_or(peer) } else { peer };
        Ok(Self { address: network(address), base_url: base_url(&parts.headers, config, proxied) })
    }
}

/// The last address in `X-Forwarded-For` that is not a trusted proxy itself: earlier ones anybody can write.
fn forwarded_for(headers: &HeaderMap, config: &Config) -> Option<IpAddr> {
    let listed = headers.get_all("x-forwarded-for").into_iter().filter_map(|value| value.to_str().ok());
    let addresses: Vec<IpAddr> =
        listed.flat_map(|text| text.split(',')).filter_map(|text| text.trim().parse().ok()).collect();
    addresses.into_iter().rev().find(|address| !config.trusted_proxies.contains(address))
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        other => other,
    }
}

fn base_url(headers: &HeaderMap, config: &Config, proxied: bool) -> String {
    if let Some(url) = &config.public_url {
        return url.as_str().to_owned();
    }
    let forwarded_https = proxied && headers.get("x-forwarded-proto").is_some_and(|value| value == "https");
    let scheme = if config.tls != TlsMode::Off || forwarded_https { "https" } else { "http" };
    match host(headers) {
        Some(host) => format!("{scheme}://{host}"),
        None => format!("{scheme}://{}", config.listen),
    }
}

/// The `Host` header, when it is one.
pub(super) fn host(headers: &HeaderMap) -> Option<&str> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    (!host.is_empty() && host.len() <= 255 && host.chars().all(fits)).then_some(host)
}

/// Whether a page of this origin may speak to us: ours, or no page at all (RFC 6455, section 10.2).
pub(super) fn is_own_origin(headers: &HeaderMap, config: &Config) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Some((_, authority)) = origin.to_str().ok().and_then(|text| text.split_once("://")) else { return false };
    let is = |other: &str| authority.eq_ignore_ascii_case(other);
    host(headers).is_some_and(is) || config.public_url.as_ref().is_some_and(|url| is(url.authority()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn pages_of_other_origins_are_kept_out() {
        let config = Config { public_url: Some("https://rooms.example".parse().unwrap()), ..Config::default() };
        let host = ("host", "localhost:8080");
        for (origin, allowed) in [
            ("http://localhost:8080", true),
            ("https://rooms.example", true),
            ("https://ROOMS.example", true),
            ("https://rooms.example.evil", false),
            ("http://localhost:8081", false),
            ("null", false),
        ] {
            assert_eq!(is_own_origin(&headers(&[host, ("origin", origin)]), &config), allowed, "{origin}");
        }
        assert!(is_own_origin(&headers(&[host]), &config));
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let config = Config { trusted_proxies: vec!["10.0.0.1".parse().unwrap()], ..Config::default() };
        let sent = headers(&[("x-forwarded-for", "6.6.6.6, 1.2.3.4, 10.0.0.1"), ("x-forwarded-proto", "https")]);
        assert_eq!(forwarded_for(&sent, &config), Some("1.2.3.4".parse().unwrap()));
        assert_eq!(base_url(&sent, &config, true), "https://127.0.0.1:8080");
        assert_eq!(base_url(&sent, &config, false), "http://127.0.0.1:8080");
    }

    #[test]
    fn links_begin_as_the_client_came() {
        let config = Config::default();
        assert_eq!(base_url(&headers(&[("host", "me.example:81")]), &config, false), "http://me.example:81");
        assert_eq!(base_url(&headers(&[("host", "me\"><script>")]), &config, false), "http://127.0.0.1:8080");
    }

    #[test]
    fn an_ipv6_client_is_its_network() {
        assert_eq!(network("2001:db8:1:2:3::4".parse().unwrap()).to_string(), "2001:db8:1:2::");
        assert_eq!(network("::ffff:1.2.3.4".parse().unwrap()).to_string(), "1.2.3.4");
    }
}
