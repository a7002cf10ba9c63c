//! Reading one text frame: what breaks the protocol, and what is merely not understood.

use serde_json::Value;

use crate::domain::error::{Reason, Refusal};
use crate::http::body::plain;
use crate::protocol::client::{ClientFrame, ClientMessage};

/// A frame that is a JSON object with a type.
#[derive(Debug)]
pub(super) struct Frame {
    /// The sender's number for it.
    pub(super) request: Option<u32>,
    /// What it asks, unless we don't know the message or its fields: that is answered, and the socket stays.
    pub(super) message: Result<ClientMessage, Refusal>,
}

/// Read a frame.
///
/// # Errors
/// When it is no JSON object with a `type`: whoever sends that speaks another protocol, and the socket is closed.
pub(super) fn read(text: &str) -> Result<Frame, Refusal> {
    let broken = |what: &str| Refusal::new(Reason::InvalidRequest, format!("the message is not understood: {what}"));
    let value: Value = serde_json::from_str(text).map_err(|error| broken(&plain(&error)))?;
    if !value.get("type").is_some_and(Value::is_string) {
        return Err(broken("it is no object with a type"));
    }
    let request = value.get("request").and_then(|number| u32::try_from(number.as_u64()?).ok());
    let message = serde_json::from_value::<ClientFrame>(value).map(|frame| frame.message);
    Ok(Frame { request, message: message.map_err(|error| broken(&plain(&error))) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_comes_with_its_number() {
        let frame = read(r#"{"type": "mute", "participant": "p1", "muted": true, "request": 7}"#).unwrap();
        assert_eq!(frame.request, Some(7));
        assert!(matches!(frame.message, Ok(ClientMessage::Mute { muted: true, .. })));
        assert_eq!(read(r#"{"type": "leave"}"#).unwrap().request, None);
    }

    #[test]
    fn what_is_not_known_is_named() {
        for (text, part) in [
            (r#"{"type": "dance", "request": 3}"#, "`dance`"),
            (r#"{"type": "leave", "now": true, "request": 3}"#, "`now`"),
            (r#"{"type": "mute", "participant": "p1", "request": 3}"#, "`muted`"),
            (r#"{"type": "offer", "sdp": 5, "request": 3}"#, "integer `5`"),
        ] {
            let frame = read(text).unwrap();
            assert_eq!(frame.request, Some(3), "{text}");
            let refusal = frame.message.unwrap_err();
            assert_eq!(refusal.reason, Reason::InvalidRequest);
            assert!(refusal.message.contains(part), "{text}: {refusal}");
        }
    }

    #[test]
    fn another_protocol_is_an_end() {
        for text in ["", "hello", "{", "[]", "5", "null", "{}", r#"{"type": 5}"#, r#"["type"]"#] {
            assert_eq!(read(text).unwrap_err().reason, Reason::InvalidRequest, "{text}");
        }
        read(&"[".repeat(100_000)).unwrap_err();
    }
}
