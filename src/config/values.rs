//! Single values of the settings, as they are written in a file, a variable or a flag.

use std::fmt::Display;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsMode {
    /// Plain HTTP: for localhost, or behind a proxy.
    Off,
    /// Made by the server and kept in the data folder.
    SelfSigned,
    /// `tls_cert` and `tls_key`.
    Files,
}

impl FromStr for TlsMode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "self-signed" => Ok(Self::SelfSigned),
            "files" => Ok(Self::Files),
            "acme" => {
                Err("\"acme\" is not there yet: use \"files\" with a certificate from certbot, or a proxy that has one")
            }
            _ => Err("is not one of off, self-signed, files, acme"),
        }
    }
}

/// Who may make rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CreatePolicy {
    /// Whoever reaches the page.
    Everyone,
    /// Whoever shows an API key.
    ApiKey,
}

impl FromStr for CreatePolicy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "everyone" => Ok(Self::Everyone),
            "api_key" => Ok(Self::ApiKey),
            _ => Err("is not one of everyone, api_key"),
        }
    }
}

/// Scheme, host and port, without the slash at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl(String);

impl PublicUrl {
    /// As it is put before `/r/{invitation}`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port, as a browser's `Host` header and `Origin` have them.
    pub fn authority(&self) -> &str {
        self.0.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// The host alone, without brackets around an IPv6 address.
    pub fn host(&self) -> &str {
        let authority = self.authority();
        match authority.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or(rest),
            None => authority.split(':').next().unwrap_or(authority),
        }
    }
}

impl FromStr for PublicUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let trimmed = text.strip_suffix('/').unwrap_or(text);
        let authority = trimmed
            .strip_prefix("https://")
            .or_else(|| trimmed.strip_prefix("http://"))
            .ok_or("does not start with https:// or http://")?;
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
        if authority.is_empty() || authority.len() > 255 || !authority.chars().all(fits) {
            return Err("is not a scheme, a host and maybe a port, without a path");
        }
        Ok(Self(trimmed.to_ascii_lowercase()))
    }
}

pub(super) fn text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<T, D::Error> {
    String::deserialize(deserializer)?.trim().parse().map_err(serde::de::Error::custom)
}

pub(super) fn some_text<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    text(deserializer).map(Some)
}

pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SocketAddr, D::Error> {
    let text = String::deserialize(deserializer)?;
    let numeric = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text,
    };
    numeric.parse().map_err(|_| serde::de::Error::custom("is not an IP address and a port, as in 127.0.0.1:8080"))
}

pub(super) fn some_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SocketAddr>, D::Error> {
    address(deserializer).map(Some)
}

pub(super) fn log_filter<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let filter = String::deserialize(deserializer)?;
    match tracing_subscriber::EnvFilter::try_new(&filter) {
        Ok(_) => Ok(filter),
        Err(error) => Err(serde::de::Error::custom(format!("is not a log filter: {error}"))),
    }
}

/// A list in the file, or one text with commas from a flag or a variable.
pub(super) fn list<'de, D: Deserializer<'de>, T: FromStr<Err: Display>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    let texts = match OneOrMany::deserialize(deserializer) {
        Ok(OneOrMany::One(text)) => text.split(',').map(str::to_owned).collect(),
        Ok(OneOrMany::Many(texts)) => texts,
        Err(_) => return Err(serde::de::Error::custom("is not a list of texts")),
    };
    let parse = |text: &String| text.trim().parse().map_err(|error| serde::de::Error::custom(format!("has {error}")));
    texts.iter().filter(|text| !text.trim().is_empty()).map(parse).collect()
}
