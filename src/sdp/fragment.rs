//! The `application/trickle-ice-sdpfrag` of a WHIP or WHEP PATCH (RFC 8840; RFC 9725, 4.3): more candidates, or an ICE restart.

use sdp_types::Session;

use super::answer::group;
use super::offer::Offer;
use super::problem::excerpt;
use super::section::values;
use super::transport::{Candidate, IceCredentials, TransportAnswer, ice_credentials};
use super::{MAX_SECTIONS, OfferProblem};

/// The longest fragment read, in bytes: a hundred candidates and more.
const MAX_FRAGMENT_BYTES: usize = 32 * 1024;
/// The most candidates of one fragment; a client with many interfaces sends about twenty.
const MAX_CANDIDATES: usize = 128;

/// Why a fragment is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FragmentProblem {
    /// No text at all.
    #[error("The fragment is empty.")]
    Empty,
    /// More text than is read.
    #[error("The fragment has {0} bytes; the limit is {MAX_FRAGMENT_BYTES}.")]
    TooLarge(usize),
    /// Not lines of SDP.
    #[error("The fragment is not SDP: {0}.")]
    Unparsable(String),
    /// Too many `m=` lines.
    #[error("The fragment has {0} media sections; the limit is {MAX_SECTIONS}.")]
    TooManySections(usize),
    /// Too many `a=candidate` lines.
    #[error("The fragment has {0} candidates; the limit is {MAX_CANDIDATES}.")]
    TooManyCandidates(usize),
    /// Malformed credentials: what the offer would be refused for.
    #[error("{0}")]
    Credentials(OfferProblem),
    /// A section that the offer does not have.
    #[error("The fragment speaks of section \"{0}\", which the offer does not have.")]
    UnknownSection(String),
}

/// A fragment as far as an ICE-lite server needs it. The candidates themselves are not used: a client is known by its
/// authenticated checks, from whatever address they come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The client's credentials, where stated. Others than the session's mean an ICE restart.
    pub ice: Option<IceCredentials>,
    /// How many candidates it holds.
    pub candidates: usize,
    /// The sections it speaks of.
    pub mids: Vec<String>,
}

impl Fragment {
    /// Reads a fragment.
    pub fn parse(text: &str) -> Result<Self, FragmentProblem> {
        if text.trim().is_empty() {
            return Err(FragmentProblem::Empty);
        }
        if text.len() > MAX_FRAGMENT_BYTES {
            return Err(FragmentProblem::TooLarge(text.len()));
        }
        // A fragment is an SDP without its head (RFC 8840, 9).
        let whole = format!("v=0\r\n{text}");
        let unparsable = |e: sdp_types::ParserError| FragmentProblem::Unparsable(excerpt(&e.to_string()));
        let session = Session::parse(whole.as_bytes()).map_err(unparsable)?;
        if session.medias.len() > MAX_SECTIONS {
            return Err(FragmentProblem::TooManySections(session.medias.len()));
        }
        let places = || std::iter::once(&session.attributes).chain(session.medias.iter().map(|m| &m.attributes));
        let candidates = places().map(|attributes| values(attributes, "candidate").count()).sum();
        if candidates > MAX_CANDIDATES {
            return Err(FragmentProblem::TooManyCandidates(candidates));
        }
        let said = |name| places().find_map(|attributes| values(attributes, name).next()).map(str::to_owned);
        let ice = match (said("ice-ufrag"), said("ice-pwd")) {
            (None, None) => None,
            (ufrag, pwd) => Some(ice_credentials(ufrag.as_ref(), pwd.as_ref()).map_err(FragmentProblem::Credentials)?),
        };
        let mids = session.medias.iter().flat_map(|m| values(&m.attributes, "mid").take(1)).map(str::to_owned);
        Ok(Self { ice, candidates, mids: mids.collect() })
    }
}

impl Offer {
    /// Refuses a fragment that speaks of sections this offer does not have.
    pub fn check_fragment(&self, fragment: &Fragment) -> Result<(), FragmentProblem> {
        let known = |mid: &&String| self.sections.iter().any(|(section, _)| section.mid == **mid);
        match fragment.mids.iter().find(|mid| !known(mid)) {
            Some(stranger) => Err(FragmentProblem::UnknownSection(excerpt(stranger))),
            None => Ok(()),
        }
    }

    /// The answer to an ICE restart: the server's credentials and candidates.
    pub fn restart_fragment(&self, transport: &TransportAnswer, candidates: &[Candidate]) -> String {
        let bundle = self.answered_bundle(transport);
        let mut lines = vec!["a=ice-lite".to_owned()];
        if !self.bundle.is_empty() {
            lines.push(format!("a=group:{}", group(&bundle)));
        }
        let first = self.sections.iter().find(|(section, _)| bundle.first() == Some(&section.mid.as_str()));
        if let Some((section, _)) = first {
            let kind = section.kind.name();
            lines.push(format!("m={kind} 9 {} {}", section.protocol, section.written_formats));
            lines.push(format!("a=mid:{}", section.mid));
        }
        lines.push(format!("a=ice-ufrag:{}", transport.ice.ufrag));
        lines.push(format!("a=ice-pwd:{}", transport.ice.pwd));
        lines.extend(candidates.iter().map(|candidate| format!("a=candidate:{candidate}")));
        lines.push("a=end-of-candidates\r\n".to_owned());
        lines.join("\r\n")
    }
}
