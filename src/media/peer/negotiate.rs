//! One offer and one answer with webrtcbin, each step with a time limit.

use std::sync::mpsc;
use std::time::Duration;

use gst::prelude::*;

use super::session::SessionError;

/// webrtcbin answers in milliseconds; a loaded machine may take its time.
const STEP: Duration = Duration::from_secs(8);

/// The caps of the one section of our own offer.
const OPUS: &str =
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=111,clock-rate=48000,encoding-params=(string)2";

/// Gives webrtcbin `offer` (one of our own making, never a client's) and returns its answer, set as local description.
pub(super) fn answer(webrtcbin: &gst::Element, offer: &str) -> Result<String, SessionError> {
    let message = gst_sdp::SDPMessage::parse_buffer(offer.as_bytes())
        .map_err(|_| SessionError::Negotiation("GStreamer can't read our own offer"))?;
    let offer = gst_webrtc::WebRTCSessionDescription::new(gst_webrtc::WebRTCSDPType::Offer, message);
    step(|promise| webrtcbin.emit_by_name::<()>("set-remote-description", &[&offer, promise]))?;
    // 1.22 makes no transceivers from an offer: without this one the answer has no section.
    let caps: gst::Caps = OPUS.parse().map_err(|_| SessionError::Negotiation("our own caps don't parse"))?;
    let direction = gst_webrtc::WebRTCRTPTransceiverDirection::Recvonly;
    webrtcbin.emit_by_name::<gst_webrtc::WebRTCRTPTransceiver>("add-transceiver", &[&direction, &caps]);
    let reply = step(|promise| webrtcbin.emit_by_name::<()>("create-answer", &[&None::<gst::Structure>, promise]))?;
    let answer = (reply.as_ref())
        .and_then(|reply| reply.get::<gst_webrtc::WebRTCSessionDescription>("answer").ok())
        .ok_or(SessionError::Negotiation("webrtcbin made no answer"))?;
    step(|promise| webrtcbin.emit_by_name::<()>("set-local-description", &[&answer, promise]))?;
    answer.sdp().as_text().map_err(|_| SessionError::Negotiation("webrtcbin's answer has no text"))
}

/// Runs one asynchronous step of webrtcbin and waits for its reply.
fn step(begin: impl FnOnce(&gst::Promise)) -> Result<Option<gst::Structure>, SessionError> {
    let (sender, receiver) = mpsc::channel();
    let promise = gst::Promise::with_change_func(move |reply| {
        // The waiting side may have given up.
        let _ = sender.send(reply.map(|reply| reply.map(ToOwned::to_owned)));
    });
    begin(&promise);
    match receiver.recv_timeout(STEP) {
        Ok(Ok(reply)) => match reply.as_ref().and_then(|reply| reply.get::<gst::glib::Error>("error").ok()) {
            Some(error) => Err(SessionError::Webrtcbin(error.message().to_owned())),
            None => Ok(reply),
        },
        Ok(Err(_)) => Err(SessionError::Negotiation("webrtcbin dropped a step")),
        Err(_) => Err(SessionError::Negotiation("webrtcbin did not answer in time")),
    }
}
