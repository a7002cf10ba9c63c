//! A participant's media session as GStreamer sees it: one webrtcbin in one pipeline, for DTLS and its SDP alone. RTP
//! never comes here (see [`crate::transport`]).

mod certificate;
mod negotiate;
mod session;

pub use session::{Session, SessionEvent, warm_up};
