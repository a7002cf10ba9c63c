//! The client's certificate against the fingerprint of its offer (RFC 8122, RFC 8827 section 6.5): webrtcbin 1.22 does not
//! compare them, and without it anybody on the way could be the peer.

use base64::Engine;
use sha2::{Digest, Sha256};

/// Whether the certificate (PEM) has one of these SHA-256 fingerprints (`AB:CD:…`, any case).
pub(super) fn matches(pem: &str, fingerprints: &[String]) -> bool {
    let Some(found) = fingerprint(pem) else { return false };
    fingerprints.iter().any(|wanted| wanted.eq_ignore_ascii_case(&found))
}

/// SHA-256 over the DER form, as SDP writes it.
fn fingerprint(pem: &str) -> Option<String> {
    let body = pem.split("-----BEGIN CERTIFICATE-----").nth(1)?.split("-----END CERTIFICATE-----").next()?;
    let packed: String = body.split_whitespace().collect();
    let der = base64::engine::general_purpose::STANDARD.decode(packed).ok()?;
    let pairs: Vec<String> = Sha256::digest(&der).iter().map(|byte| format!("{byte:02X}")).collect();
    Some(pairs.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_offered_certificate_matches() {
        // Base64 of the bytes "abc", whose SHA-256 is the test vector of FIPS 180-4.
        let pem = "-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n";
        let abc = "ba:78:16:bf:8f:01:cf:ea:41:41:40:de:5d:ae:22:23:b0:03:61:a3:96:17:7a:9c:b4:10:ff:61:f2:00:15:ad";
        assert!(matches(pem, &["00:11".into(), abc.into()]));
        assert!(!matches(pem, &[abc.replace("ba", "bb")]));
        assert!(!matches(pem, &[]));
        assert!(!matches("no certificate", &[abc.into()]));
    }
}
