//! The settings: flag over environment (`VERANDA_…`) over `veranda.toml`. A bad value is one line that names its key.
//!
//! The file is flat: one key per option, no tables. So the key, the variable and the flag differ only in spelling.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Format, Serialized, Toml};
use serde::Deserialize;

mod values;

pub use self::values::{CreatePolicy, PublicUrl, TlsMode};
use self::values::{address, list, log_filter, some_address, some_text, text};
use crate::cli::Options;

const PREFIX: &str = "VERANDA_";
/// Names the settings file, so it is the one variable that is no key.
const CONFIG_VARIABLE: &str = "VERANDA_CONFIG";
const DEFAULT_FILE: &str = "veranda.toml";

/// Everything an operator can set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where the page and the API are served.
    #[serde(deserialize_with = "address")]
    pub listen: SocketAddr,
    /// Where rooms, recordings and the self-signed certificate are kept.
    pub data: PathBuf,
    /// Encoders and outputs instead of the built-in ones.
    pub pipelines: Option<PathBuf>,
    /// The address people reach this server under.
    #[serde(deserialize_with = "some_text")]
    pub public_url: Option<PublicUrl>,
    /// UDP for all media, and ICE-TCP on the same number; 0 takes a free one (tests).
    pub media_port: u16,
    /// Addresses told to clients for media; empty means all usable local ones.
    #[serde(deserialize_with = "list")]
    pub media_address: Vec<IpAddr>,
    /// A `tracing` filter.
    #[serde(deserialize_with = "log_filter")]
    pub log: String,
    /// Where the certificate comes from.
    #[serde(deserialize_with = "text")]
    pub tls: TlsMode,
    /// The chain, PEM; with `tls = "files"`.
    pub tls_cert: Option<PathBuf>,
    /// Its key, PEM; with `tls = "files"`.
    pub tls_key: Option<PathBuf>,
    /// Tokens that are host in every room.
    #[serde(deserialize_with = "list")]
    pub api_keys: Vec<String>,
    /// Who may make rooms.
    #[serde(deserialize_with = "text")]
    pub create: CreatePolicy,
    /// `turn:` and `turns:` addresses handed to clients.
    #[serde(deserialize_with = "list")]
    pub turn_urls: Vec<String>,
    /// coturn's `static-auth-secret`.
    pub turn_secret: Option<String>,
    /// Seconds that TURN credentials live; they must outlive a meeting.
    pub turn_ttl: u64,
    /// An address of its own for `/metrics`, which then leaves the public one.
    #[serde(deserialize_with = "some_address")]
    pub metrics_listen: Option<SocketAddr>,
    /// Megabytes: with less free, hosts who record are warned.
    pub disk_warn_mb: u64,
    /// An S3-compatible storage other than Amazon's: scheme, host and port.
    pub upload_endpoint: Option<String>,
    /// Finished recordings are uploaded to this bucket; none unless told.
    pub upload_bucket: Option<String>,
    /// Before each key.
    pub upload_prefix: Option<String>,
    /// `us-east-1` unless told.
    pub upload_region: Option<String>,
    /// Who uploads.
    pub upload_access_key: Option<String>,
    /// And its secret.
    pub upload_secret_key: Option<String>,
    /// Uploaded recordings stay here as well.
    pub upload_keep_local: bool,
    /// Recordings older than so many days are deleted; 0 keeps them.
    pub retention_days: u64,
    /// The oldest recordings are deleted while all take more megabytes; 0 keeps them.
    pub retention_mb: u64,
    /// How many rooms may be kept at once.
    pub max_rooms: u32,
    /// Reverse proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    #[serde(deserialize_with = "list")]
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether streams may go to this machine and to private networks.
    pub allow_private_targets: bool,
    /// Sites that may show the page in a frame of theirs: scheme, host and port.
    #[serde(deserialize_with = "list")]
    pub embed_allow: Vec<PublicUrl>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            data: PathBuf::from("./data"),
            pipelines: None,
            public_url: None,
            media_port: 7882,
            media_address: Vec::new(),
            log: "info".to_owned(),
            tls: TlsMode::Off,
            tls_cert: None,
            tls_key: None,
            api_keys: Vec::new(),
            create: CreatePolicy::Everyone,
            turn_urls: Vec::new(),
            turn_secret: None,
            turn_ttl: 12 * 60 * 60,
            metrics_listen: None,
            disk_warn_mb: 2_000,
            upload_endpoint: None,
            upload_bucket: None,
            upload_prefix: None,
            upload_region: None,
            upload_access_key: None,
            upload_secret_key: None,
            upload_keep_local: true,
            retention_days: 0,
            retention_mb: 0,
            max_rooms: 10_000,
            trusted_proxies: Vec::new(),
            allow_private_targets: true,
            embed_allow: Vec::new(),
        }
    }
}

/// One line that names what is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConfigError(String);

impl Config {
    /// Read the settings of this process.
    ///
    /// # Errors
    /// One line that names the key and where it was found.
    pub fn load(options: &Options) -> Result<Self, ConfigError> {
        Self::from_sources(options, std::env::vars())
    }

    /// Read the settings from these flags, these variables and the file they name.
    ///
    /// # Errors
    /// One line that names the key and where it was found.
    pub fn from_sources(
        options: &Options,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let (mut environment, mut named_by_variable) = (Vec::new(), None);
        for (name, value) in variables {
            if name == CONFIG_VARIABLE {
                named_by_variable = Some(PathBuf::from(value));
            } else if let Some(key) = name.strip_prefix(PREFIX) {
                environment.push((key.to_ascii_lowercase(), value));
            }
        }
        let mut figment = file(options.config.clone().or(named_by_variable))?;
        for (key, value) in environment {
            figment = figment.merge(Serialized::global(&key, value));
            check(&figment).map_err(|problem| named(&format!("{PREFIX}{}", key.to_ascii_uppercase()), &problem))?;
        }
        for (key, value) in options.given() {
            figment = figment.merge(Serialized::global(key, value));
            check(&figment).map_err(|problem| named(&format!("--{}", key.replace('_', "-")), &problem))?;
        }
        let config: Self = figment.extract_lossy().map_err(|error| ConfigError(error.to_string()))?;
        config.checked()
    }

    /// What no single value shows.
    fn checked(self) -> Result<Self, ConfigError> {
        let wrong = |line: &str| Err(ConfigError(line.to_owned()));
        if self.max_rooms == 0 {
            return wrong("max_rooms: is not at least 1");
        }
        if !(60..=7 * 24 * 60 * 60).contains(&self.turn_ttl) {
            return wrong("turn_ttl: is not between 60 seconds and a week");
        }
        if let Some(url) = self.turn_urls.iter().find(|url| !is_ice_url(url)) {
            return wrong(&format!("turn_urls: {url:?} does not start with turn:, turns: or stun:"));
        }
        if self.turn_urls.iter().any(|url| url.starts_with("turn")) && self.turn_secret.is_none() {
            return wrong("turn_secret: is missing: turn_urls needs coturn's static-auth-secret");
        }
        if self.api_keys.iter().any(|key| key.len() < 16) {
            return wrong("api_keys: has a key shorter than 16 characters, which can be guessed");
        }
        if self.create == CreatePolicy::ApiKey && self.api_keys.is_empty() {
            return wrong("api_keys: is empty, so with create = \"api_key\" nobody could make a room");
        }
        let https = |url: &String| url.starts_with("https://") || url.starts_with("http://");
        if self.upload_endpoint.as_ref().is_some_and(|url| !https(url)) {
            return wrong("upload_endpoint: does not start with https:// or http://");
        }
        if self.upload_bucket.is_some() && (self.upload_access_key.is_none() || self.upload_secret_key.is_none()) {
            return wrong("upload_secret_key: is missing: upload_bucket needs upload_access_key and upload_secret_key");
        }
        if self.tls == TlsMode::Files {
            for (key, value) in [("tls_cert", &self.tls_cert), ("tls_key", &self.tls_key)] {
                if value.is_none() {
                    return wrong(&format!("{key}: is missing: tls = \"files\" needs it"));
                }
            }
        }
        Ok(self)
    }

    /// How long TURN credentials live.
    pub fn turn_lifetime(&self) -> Duration {
        Duration::from_secs(self.turn_ttl)
    }
}

fn is_ice_url(url: &str) -> bool {
    ["turn:", "turns:", "stun:"].iter().any(|scheme| url.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
        && url.chars().all(|c| c.is_ascii_graphic() && !"\"<>".contains(c))
}

/// The settings file: the one named must be there, the default one may be.
fn file(named_by_operator: Option<PathBuf>) -> Result<Figment, ConfigError> {
    let path = named_by_operator.clone().unwrap_or_else(|| PathBuf::from(DEFAULT_FILE));
    let content = match std::fs::read_to_string(&path) {
        Ok(content) => content,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && named_by_operator.is_none() => {
            return Ok(Figment::new());
        }
        Err(error) => return Err(ConfigError(format!("--config {}: {error}", path.display()))),
    };
    let figment = Figment::from(Toml::string(&content));
    check(&figment).map_err(|problem| in_file(&path, &problem))?;
    Ok(figment)
}

/// Checked after each source, so that an error needs no guessing where the value came from.
fn check(figment: &Figment) -> Result<(), Box<figment::Error>> {
    figment.extract_lossy::<Config>().map(drop).map_err(Box::new)
}

fn in_file(path: &Path, problem: &figment::Error) -> ConfigError {
    let key = problem.path.join(".");
    let between = if key.is_empty() { "" } else { ": " };
    ConfigError(format!("{}: {key}{between}{}", path.display(), explain(problem)))
}

fn named(name: &str, problem: &figment::Error) -> ConfigError {
    ConfigError(format!("{name}: {}", explain(problem)))
}

/// What is wrong, without its place, on one line. The value is told back only by what is never a secret.
fn explain(problem: &figment::Error) -> String {
    let text = match &problem.kind {
        Kind::UnknownField(..) => "unknown key".to_owned(),
        Kind::InvalidType(_, expected) | Kind::InvalidValue(_, expected) => match expected.as_str() {
            "u8" | "u16" | "u32" | "u64" => "is not a whole number in range".to_owned(),
            other => format!("is not {other}"),
        },
        Kind::Message(message) => message.clone(),
        other => other.to_string(),
    };
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
