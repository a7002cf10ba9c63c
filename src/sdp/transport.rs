//! The transport's share of SDP: ICE credentials, fingerprints, DTLS roles and candidates (RFC 8839, 8122, 8842).

use std::fmt;
use std::net::SocketAddr;

use sdp_types::{Attribute, Fingerprint, HashFunc, Media, Session};

use super::problem::OfferProblem;
use super::section::values;

/// What proves an ICE agent to the other (RFC 8839, 5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IceCredentials {
    /// 4 to 256 characters.
    pub ufrag: String,
    /// 22 to 256 characters. A secret of this session.
    pub pwd: String,
}

/// Who opens the DTLS connection (RFC 8842).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// The other side chooses; only in an offer.
    ActPass,
    /// This side is the DTLS client.
    Active,
    /// This side is the DTLS server.
    Passive,
}

impl Setup {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "actpass" => Some(Self::ActPass),
            "active" => Some(Self::Active),
            "passive" => Some(Self::Passive),
            _ => None,
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ActPass => "actpass",
            Self::Active => "active",
            Self::Passive => "passive",
        })
    }
}

/// The transport attributes as one place of an SDP writes them: the session or a section.
#[derive(Debug, Clone, Default)]
pub(super) struct TransportPart {
    ufrag: Option<String>,
    pwd: Option<String>,
    fingerprints: Vec<String>,
    setup: Option<String>,
}

/// The transport attributes of an offer, judged.
#[derive(Debug, Clone)]
pub(super) struct ClientTransport {
    pub(super) ice: IceCredentials,
    /// Hash name and value, by the hashes that are checked.
    pub(super) fingerprints: Vec<(String, String)>,
    pub(super) setup: Setup,
}

impl TransportPart {
    pub(super) fn read(attributes: &[Attribute]) -> Self {
        let first = |name| values(attributes, name).next().map(str::to_owned);
        Self {
            ufrag: first("ice-ufrag"),
            pwd: first("ice-pwd"),
            // One per hash that exists, with room; a certificate needs no more.
            fingerprints: values(attributes, "fingerprint").map(str::to_owned).take(8).collect(),
            setup: first("setup"),
        }
    }

    /// Whether a bundled section says anything of its own: `bundle-only` ones may not (RFC 9143, 7.1.3).
    pub(super) fn has_ice(&self) -> bool {
        self.ufrag.is_some()
    }

    /// Judges a section's transport, with the session's for what the section leaves out.
    pub(super) fn judge(&self, session: &Self) -> Result<ClientTransport, OfferProblem> {
        let ufrag = self.ufrag.as_ref().or(session.ufrag.as_ref());
        let pwd = self.pwd.as_ref().or(session.pwd.as_ref());
        let ice = ice_credentials(ufrag, pwd)?;
        let written = if self.fingerprints.is_empty() { &session.fingerprints } else { &self.fingerprints };
        let mut fingerprints = Vec::new();
        for text in written {
            fingerprints.extend(fingerprint(text)?);
        }
        if !fingerprints.iter().any(|(hash, _)| hash == "sha-256") {
            return Err(OfferProblem::NoFingerprint);
        }
        let setup = self.setup.as_deref().or(session.setup.as_deref()).and_then(Setup::parse);
        Ok(ClientTransport { ice, fingerprints, setup: setup.ok_or(OfferProblem::BadSetup)? })
    }
}

/// Credentials by RFC 8839's grammar: `ice-char` is ALPHA, DIGIT, "+" and "/".
pub(super) fn ice_credentials(ufrag: Option<&String>, pwd: Option<&String>) -> Result<IceCredentials, OfferProblem> {
    let good = |text: &str, least: usize| {
        let ice_char = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
        (least..=256).contains(&text.len()) && text.bytes().all(ice_char)
    };
    let ufrag = ufrag.filter(|text| good(text, 4)).ok_or(OfferProblem::BadIceUfrag)?;
    let pwd = pwd.filter(|text| good(text, 22)).ok_or(OfferProblem::BadIcePwd)?;
    Ok(IceCredentials { ufrag: ufrag.clone(), pwd: pwd.clone() })
}

/// A fingerprint in its one spelling; `None` for a hash that nobody should trust any more or that we don't know.
fn fingerprint(text: &str) -> Result<Option<(String, String)>, OfferProblem> {
    let parsed: Fingerprint = text.parse().map_err(|_| OfferProblem::BadFingerprint)?;
    let length = match parsed.hash_func {
        HashFunc::Sha256 => 32,
        HashFunc::Sha384 => 48,
        HashFunc::Sha512 => 64,
        _ => return Ok(None),
    };
    if parsed.fingerprint.len() != length {
        return Err(OfferProblem::BadFingerprint);
    }
    Ok(parsed.to_string().split_once(' ').map(|(hash, value)| (hash.to_ascii_lowercase(), value.to_owned())))
}

/// A data channel's association as the transport agreed to it (RFC 8841).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DataChannel {
    /// `a=sctp-port`
    pub sctp_port: u16,
    /// `a=max-message-size` in bytes, where stated.
    pub max_message_size: Option<u64>,
}

/// What webrtcbin's answer to [`super::Offer::transport_offer`] says: the server's half of the transport.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransportAnswer {
    /// The server's ICE credentials.
    pub ice: IceCredentials,
    /// Hash name and value of the server's certificate.
    pub fingerprint: (String, String),
    /// The server's DTLS role: never [`Setup::ActPass`].
    pub setup: Setup,
    /// The data channel's association, where one was offered and taken.
    pub data: Option<DataChannel>,
}

/// What was missing in webrtcbin's answer. The server's fault, never a client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("webrtcbin's answer has no usable {0}")]
pub struct TransportProblem(&'static str);

impl TransportAnswer {
    /// Reads webrtcbin's answer.
    pub fn parse(sdp: &str) -> Result<Self, TransportProblem> {
        let session = Session::parse(sdp.as_bytes()).map_err(|_| TransportProblem("SDP"))?;
        let first = session.medias.first().ok_or(TransportProblem("section"))?;
        let said = |name: &'static str| {
            let value = values(&first.attributes, name).next().or_else(|| values(&session.attributes, name).next());
            value.map(str::to_owned)
        };
        let ice = ice_credentials(said("ice-ufrag").as_ref(), said("ice-pwd").as_ref());
        let written = said("fingerprint").ok_or(TransportProblem("fingerprint"))?;
        let fingerprint = fingerprint(&written).ok().flatten().ok_or(TransportProblem("fingerprint"))?;
        let setup = said("setup").as_deref().and_then(Setup::parse).filter(|s| *s != Setup::ActPass);
        Ok(Self {
            ice: ice.map_err(|_| TransportProblem("ICE credentials"))?,
            fingerprint,
            setup: setup.ok_or(TransportProblem("setup"))?,
            data: session.medias.iter().find(|m| m.media == "application").and_then(data_channel),
        })
    }
}

fn data_channel(media: &Media) -> Option<DataChannel> {
    let number = |name| values(&media.attributes, name).next();
    let sctp_port = number("sctp-port")?.parse().ok()?;
    let max_message_size = number("max-message-size").and_then(|n| n.parse().ok());
    (media.port != 0 && !media.has_attribute("inactive")).then_some(DataChannel { sctp_port, max_message_size })
}

/// How a candidate's packets travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateTransport {
    /// One datagram, one packet.
    Udp,
    /// The client connects (RFC 6544); packets framed by RFC 4571.
    TcpPassive,
}

/// A host candidate of the server (RFC 8839, 5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The same for candidates of one base and transport.
    pub foundation: u32,
    /// UDP or TCP.
    pub transport: CandidateTransport,
    /// RFC 8445, 5.1.2.
    pub priority: u32,
    /// Where the client can reach it.
    pub address: SocketAddr,
}

impl fmt::Display for Candidate {
    /// The value of `a=candidate`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, suffix) = match self.transport {
            CandidateTransport::Udp => ("udp", ""),
            CandidateTransport::TcpPassive => ("tcp", " tcptype passive"),
        };
        let (ip, port) = (self.address.ip(), self.address.port());
        write!(f, "{} 1 {transport} {} {ip} {port} typ host{suffix}", self.foundation, self.priority)
    }
}
