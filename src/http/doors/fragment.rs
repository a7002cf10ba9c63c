//! SDP fragments (RFC 8840) of a session: which ICE session a client speaks of, and ours in the same form.

/// What a client's fragment says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fragment {
    /// The ICE session it belongs to; none in fragments of careless clients.
    pub(super) ufrag: Option<String>,
}

/// Read a client's fragment. `None`: it is not one.
pub(super) fn read(text: &str) -> Option<Fragment> {
    let mut lines = text.lines().filter(|line| !line.is_empty()).peekable();
    lines.peek()?;
    let well_formed = lines.all(|line| matches!(line.as_bytes(), [b'a'..=b'z', b'=', ..]));
    well_formed.then(|| Fragment { ufrag: ufrag(text) })
}

/// The first `a=ice-ufrag` of an offer or a fragment.
pub(super) fn ufrag(text: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).map(|value| value.trim().to_owned())
}

/// Our ICE session out of our answer. The agent is ICE-lite and takes a client's new credentials as they come, so its
/// own stay the same after a restart.
pub(super) fn ours(answer: &str) -> String {
    let (session, media) = answer.find("\nm=").map_or((answer, ""), |at| answer.split_at(at + 1));
    let first = media.find("\nm=").map_or(media, |at| &media[..=at]);
    let of_session = ["a=ice-lite", "a=ice-options:", "a=group:BUNDLE", "a=ice-ufrag:", "a=ice-pwd:"];
    let of_media = ["m=", "a=mid:", "a=ice-ufrag:", "a=ice-pwd:", "a=candidate:", "a=end-of-candidates"];
    let pick = |part: &str, wanted: &[&str]| -> String {
        let lines = part.lines().filter(|line| wanted.iter().any(|prefix| line.starts_with(prefix)));
        lines.map(|line| format!("{line}\r\n")).collect()
    };
    pick(session, &of_session) + &pick(first, &of_media)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fragment_names_its_ice_session() {
        let text = "a=ice-ufrag:EsAw\r\na=ice-pwd:secret\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:0\r\n";
        assert_eq!(read(text), Some(Fragment { ufrag: Some("EsAw".to_owned()) }));
        assert_eq!(read("a=candidate:1 1 udp 1 10.0.0.1 9 typ host"), Some(Fragment { ufrag: None }));
        for bad in ["", "\r\n", "hello", "a=mid:0\nhello", "{\"candidate\": 1}"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn ours_has_what_a_client_needs_and_nothing_else() {
        let answer = "v=0\r\na=ice-lite\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n\
            a=mid:0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\na=fingerprint:x\r\na=candidate:1 1 udp 1 10.0.0.1 7882 typ host\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=candidate:2 1 udp 1 10.0.0.1 7882 typ host\r\n";
        assert_eq!(
            ours(answer),
            "a=ice-lite\r\na=group:BUNDLE 0 1\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=ice-ufrag:u\r\na=ice-pwd:p\r\n\
             a=candidate:1 1 udp 1 10.0.0.1 7882 typ host\r\n"
        );
        assert_eq!(ours(""), "");
    }
}
