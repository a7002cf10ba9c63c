//! One webrtcbin from the offer to the keys, and its end.

use std::sync::Arc;

use gst::prelude::*;

use crate::domain::ids::PeerId;
use crate::rtp::router::SrtpKeys;
use crate::transport::ice::{IceAgent, IceLink, SendDtls};

use super::certificate::{self, Own};
use super::negotiate;

/// Why a session could not be opened, or gave no keys.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// An element is missing: `veranda check` names its package.
    #[error("GStreamer lacks an element: {0}")]
    Missing(#[from] gst::glib::BoolError),
    /// The pipeline did not start.
    #[error("the peer's pipeline did not start: {0}")]
    State(#[from] gst::StateChangeError),
    /// A step failed in a way that has no words of its own.
    #[error("{0}")]
    Negotiation(&'static str),
    /// A step failed with webrtcbin's words.
    #[error("webrtcbin: {0}")]
    Webrtcbin(String),
    /// The server's own certificate could not be made.
    #[error("no certificate: {0}")]
    Certificate(String),
    /// Not who made the offer.
    #[error("the client's certificate is not the one its offer names")]
    WrongCertificate,
}

/// What a session tells; handlers run on GStreamer's threads and must only send it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEvent {
    /// DTLS is done: [`Session::keys`] has them.
    Connected,
    /// DTLS failed or was closed by the client, or the pipeline broke.
    Broken(String),
}

/// An open session. Dropping it ends it and takes up to some ten milliseconds: not in a callback.
pub struct Session {
    pipeline: Running,
    link: IceLink,
    own: &'static Own,
    fingerprints: Vec<String>,
}

impl Session {
    /// Opens a webrtcbin with `offer` (of our own making) and returns it with its answer. Blocks for some ten milliseconds.
    ///
    /// # Errors
    /// [`SessionError`]; nothing is left behind.
    pub fn open(
        peer: PeerId,
        offer: &str,
        fingerprints: Vec<String>,
        send: SendDtls,
        events: Arc<dyn Fn(SessionEvent) + Send + Sync>,
    ) -> Result<(Self, String), SessionError> {
        let pipeline = Running(gst::Pipeline::with_name(&format!("peer-{peer}")));
        let agent = IceAgent::new(send);
        let webrtcbin = agent.webrtcbin()?;
        webrtcbin.set_property_from_str("bundle-policy", "max-bundle");
        let own = certificate::own().map_err(SessionError::Certificate)?;
        present(&webrtcbin, &own.pem);
        pipeline.0.add(&webrtcbin)?;
        watch(&pipeline.0, &webrtcbin, &events);
        pipeline.0.set_state(gst::State::Playing)?;
        let answer = negotiate::answer(&webrtcbin, offer)?;
        let link = agent.link().ok_or(SessionError::Negotiation("webrtcbin asked for no transport"))?;
        Ok((Self { pipeline, link, own, fingerprints }, answer))
    }

    /// The hash and fingerprint of the server's certificate. Those in webrtcbin's answer are wrong: it takes the key for
    /// a part of the certificate.
    pub fn fingerprint(&self) -> (String, String) {
        ("sha-256".into(), self.own.fingerprint.clone())
    }

    /// The way for DTLS.
    pub fn link(&self) -> &IceLink {
        &self.link
    }

    /// The SRTP master keys, once DTLS is done and the client has proven to be who made the offer.
    ///
    /// # Errors
    /// [`SessionError::WrongCertificate`], or no keys yet.
    pub fn keys(&self) -> Result<SrtpKeys, SessionError> {
        let no_keys = || SessionError::Negotiation("DTLS gave no keys");
        let pem: Option<String> = self.element("dtlsdec").ok_or_else(no_keys)?.property("peer-pem");
        if !pem.is_some_and(|pem| certificate::matches(&pem, &self.fingerprints)) {
            return Err(SessionError::WrongCertificate);
        }
        // `dtlsdec decoder-key` has the wrong type in 1.22; what it hands to srtpdec on request is right.
        let caps: Option<gst::Caps> =
            self.element("srtpdec").ok_or_else(no_keys)?.emit_by_name("request-key", &[&0u32]);
        let receive: gst::Buffer =
            (caps.as_ref()).and_then(|caps| caps.structure(0)?.get("srtp-key").ok()).ok_or_else(no_keys)?;
        let send: Option<gst::Buffer> = self.element("srtpenc").ok_or_else(no_keys)?.property("key");
        let read = |buffer: gst::Buffer| <[u8; 30]>::try_from(buffer.map_readable().ok()?.as_slice()).ok();
        Ok(SrtpKeys { receive: read(receive).ok_or_else(no_keys)?, send: send.and_then(read).ok_or_else(no_keys)? })
    }

    /// The (first) element of this kind inside webrtcbin.
    fn element(&self, factory: &str) -> Option<gst::Element> {
        (self.pipeline.0)
            .iterate_recurse()
            .into_iter()
            .flatten()
            .find(|element| element.factory().is_some_and(|found| found.name() == factory))
    }
}

/// A pipeline that ends with its owner.
struct Running(gst::Pipeline);

impl Drop for Running {
    fn drop(&mut self) {
        // Nothing can be done about a pipeline that won't stop; it holds no one else up.
        let _ = self.0.set_state(gst::State::Null);
    }
}

/// Has DTLS show `certificate` instead of one that GStreamer makes; before the answer, which holds its fingerprint.
fn present(webrtcbin: &gst::Element, certificate: &'static str) {
    let Some(bin) = webrtcbin.downcast_ref::<gst::Bin>() else { return };
    bin.connect_deep_element_added(move |_, _, element| {
        if element.factory().is_some_and(|factory| factory.name() == "dtlsdec") {
            element.set_property("pem", certificate);
        }
    });
}

fn watch(pipeline: &gst::Pipeline, webrtcbin: &gst::Element, events: &Arc<dyn Fn(SessionEvent) + Send + Sync>) {
    let tell = events.clone();
    webrtcbin.connect_notify(Some("connection-state"), move |webrtcbin, _| {
        use gst_webrtc::WebRTCPeerConnectionState as State;
        match webrtcbin.property::<State>("connection-state") {
            State::Connected => tell(SessionEvent::Connected),
            State::Failed => tell(SessionEvent::Broken("DTLS failed".into())),
            State::Closed => tell(SessionEvent::Broken("the client closed DTLS".into())),
            _ => {}
        }
    });
    let tell = events.clone();
    if let Some(bus) = pipeline.bus() {
        bus.set_sync_handler(move |_, message| {
            if let gst::MessageView::Error(error) = message.view() {
                tell(SessionEvent::Broken(format!("{} ({:?})", error.error(), error.debug())));
            }
            gst::BusSyncReply::Drop
        });
    }
}

/// The least that webrtcbin answers.
const WARM_UP_OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
    m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=rtcp-mux\r\n\
    a=rtpmap:111 opus/48000/2\r\na=ice-ufrag:warm\r\na=ice-pwd:warmwarmwarmwarmwarmwarm\r\na=setup:actpass\r\n\
    a=fingerprint:sha-256 00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\n";

/// Loads what the first session of a process would otherwise wait for (0.5 to 1.5 s).
pub fn warm_up() {
    if let Err(error) = Session::open(PeerId(0), WARM_UP_OFFER, Vec::new(), Arc::new(|_| {}), Arc::new(|_| {})) {
        tracing::error!(%error, "a media session can't be opened on this machine; run `veranda check`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_answers_with_a_transport_and_leaves_nothing_behind() {
        gst::init().unwrap();
        warm_up();
        let count = |what: &str| std::fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
        let open = || {
            let (session, answer) =
                Session::open(PeerId(1), WARM_UP_OFFER, Vec::new(), Arc::new(|_| {}), Arc::new(|_| {})).unwrap();
            for line in ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:sha-256 ", "a=setup:active"] {
                assert!(answer.contains(line), "{line} in {answer}");
            }
            assert!(session.keys().is_err(), "no DTLS, no keys");
            let weak = session.pipeline.0.downgrade();
            drop(session);
            weak
        };
        let descriptors = count("fd");
        let weak: Vec<_> = (0..20).map(|_| open()).collect();
        assert!(weak.iter().all(|pipeline| pipeline.upgrade().is_none()), "a pipeline outlived its session");
        println!("20 sessions: {descriptors} -> {} descriptors", count("fd"));
        assert!(count("fd") <= descriptors + 4);
    }
}
