//! GStreamer's words about a connection in plain ones. Nothing of what it said gets through: the key is in there.

use super::retry::Ending;

/// What went wrong, for people, and what it means for the next try.
pub(super) fn plain(details: &str, live: bool) -> (&'static str, Ending) {
    let details = details.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| details.contains(word));
    if has(&["certificate"]) {
        ("The server's certificate is not accepted: it must be valid for this name.", Ending::Refused)
    } else if has(&["tls"]) {
        ("The server does not speak TLS here: its address may begin with rtmp:// instead.", Ending::Refused)
    } else if has(&["timed out", "timeout"]) {
        ("The server took too long to answer.", Ending::Silent)
    } else if has(&["publish", "badname", "denied", "auth", "reject", "passphrase", "secret"]) {
        ("The server does not take the stream: its address or key may be wrong.", Ending::Refused)
    } else if has(&["connection does not exist", "connection setup failure"]) {
        ("The server does not answer at this address, or its passphrase is another.", Ending::Silent)
    } else if has(&["refused"]) {
        ("The server does not answer at this address.", Ending::Away)
    } else if has(&["resolv", "name or service"]) {
        ("There is no server of this name.", Ending::Away)
    } else if !live {
        ("The server closes the connection at once: the address or the key may be wrong.", Ending::Refused)
    } else {
        ("The connection to the server was lost.", Ending::Refused)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_never_comes_through() {
        for details in ["'publish' cmd failed: stream sekret", "Connection refused rtmp://h/app/sekret", "sekret"] {
            assert!(!plain(details, true).0.contains("sekret"));
        }
        assert!(plain("Unacceptable TLS certificate", false).0.contains("certificate"));
    }
}
