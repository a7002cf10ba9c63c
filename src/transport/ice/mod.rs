//! Our ICE agent as webrtcbin sees it: three objects that webrtcbin asks for a transport, and the two elements by which
//! DTLS enters and leaves it.
//!
//! webrtcbin lets an application bring its own ICE agent (`ice-agent`, construct-only). Ours answers nothing by itself:
//! checks, candidates and consent are handled by the net thread, and the client's answer is written by [`crate::sdp`].
//! So the objects only have to exist, own the two elements, and pass on connection states.
//!
//! `ffi.rs` holds all of the program's `unsafe`; what was found out about references and vfuncs is in
//! `docs/decisions/0004-own-ice-agent.md`.

mod elements;
mod ffi;

use std::sync::Arc;

use gst::prelude::*;

pub use ffi::IceAgent;

/// Takes a DTLS record that webrtcbin wants sent. Called on GStreamer's threads; must not block.
pub type SendDtls = Arc<dyn Fn(&[u8]) + Send + Sync>;

/// One peer's way between the net thread and its webrtcbin.
#[derive(Debug, Clone)]
pub struct IceLink {
    transport: ffi::IceTransport,
    source: elements::IceSource,
}

impl IceLink {
    /// Hands a DTLS record from the network to webrtcbin. The queue behind the pad takes it at once.
    pub fn receive_dtls(&self, record: &[u8]) {
        self.source.push(record);
    }

    /// Tells webrtcbin that a path was nominated: it starts DTLS. Changes element states, so never call it from a
    /// GStreamer callback.
    pub fn connected(&self) {
        use gst_webrtc::WebRTCICEConnectionState as State;
        let transport = self.transport.upcast_ref::<gst_webrtc::WebRTCICETransport>();
        transport.connection_state_change(State::Connected);
        transport.connection_state_change(State::Completed);
    }
}

impl IceAgent {
    /// The link of the agent's one (bundled) transport, once webrtcbin has asked for it: after the answer is set.
    pub fn link(&self) -> Option<IceLink> {
        let transport = self.transport()?;
        let source = transport.source()?;
        Some(IceLink { transport, source })
    }
}
