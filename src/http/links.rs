//! Links that open one file for a while without a token: a `<video>` cannot send an `Authorization` header. They are
//! made for a host, and end with the server's life at the latest.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::domain::ids::OutputId;

/// Long enough to watch a long recording with pauses.
pub(super) const LIFETIME: Duration = Duration::from_secs(6 * 60 * 60);

/// Makes and checks the links.
pub(super) struct Links {
    secret: [u8; 32],
}

impl Links {
    /// With a secret of this run. Without randomness no link is ever good.
    pub(super) fn new() -> Self {
        let mut secret = [0; 32];
        if let Err(error) = getrandom::fill(&mut secret) {
            tracing::error!(%error, "no randomness: recordings can be downloaded, not watched");
        }
        Self { secret }
    }

    /// What goes after `?key=`, good until this time.
    pub(super) fn key(&self, recording: OutputId, until: SystemTime) -> String {
        let until = until.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        format!("{until}.{}", URL_SAFE_NO_PAD.encode(self.mac(recording, until).finalize().into_bytes()))
    }

    /// Whether a key opens this recording now.
    pub(super) fn opens(&self, recording: OutputId, key: &str, now: SystemTime) -> bool {
        let Some((until, mac)) = key.split_once('.') else { return false };
        let (Ok(until), Ok(mac)) = (until.parse::<u64>(), URL_SAFE_NO_PAD.decode(mac)) else { return false };
        let good = self.secret != [0; 32] && self.mac(recording, until).verify_slice(&mac).is_ok();
        good && now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() < until
    }

    fn mac(&self, recording: OutputId, until: u64) -> Hmac<Sha256> {
        // A key of any length is taken.
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).unwrap_or_else(|_| Hmac::new(&[0; 64].into()));
        mac.update(&recording.0.to_be_bytes());
        mac.update(&until.to_be_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_opens_one_recording_for_a_while() {
        let (links, now) = (Links::new(), SystemTime::now());
        let key = links.key(OutputId(7), now + LIFETIME);
        assert!(links.opens(OutputId(7), &key, now));
        assert!(!links.opens(OutputId(8), &key, now));
        assert!(!links.opens(OutputId(7), &key, now + LIFETIME));
        assert!(!Links::new().opens(OutputId(7), &key, now), "another server");
        let longer = key.replacen(char::is_numeric, "9", 1);
        for forged in ["", ".", "9", "x.y", &longer] {
            assert!(!links.opens(OutputId(7), forged, now), "{forged}");
        }
    }
}
