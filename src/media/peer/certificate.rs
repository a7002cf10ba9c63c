//! The certificates of DTLS. The client's against the fingerprint of its offer (RFC 8122, RFC 8827 section 6.5): webrtcbin
//! 1.22 does not compare them, and without it anybody on the way could be the peer. And the server's own.

use std::sync::OnceLock;

use base64::Engine;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use sha2::{Digest, Sha256};

/// The server's certificate.
pub(super) struct Own {
    /// With its key.
    pub(super) pem: String,
    /// SHA-256, as SDP writes it.
    pub(super) fingerprint: String,
}

/// The server's certificate, one for the life of the process: ECDSA on P-256, as RFC 8827 section 6.5 asks. What GStreamer
/// makes by itself is RSA: clients that offer only ECDSA refuse it (aiortc), and signing costs more.
///
/// # Errors
/// None was made, in rcgen's words.
pub(super) fn own() -> Result<&'static Own, String> {
    static OWN: OnceLock<Result<Own, String>> = OnceLock::new();
    OWN.get_or_init(|| make().map_err(|error| error.to_string())).as_ref().map_err(Clone::clone)
}

fn make() -> Result<Own, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::default();
    // Whoever looks at it learns nothing; it is known by its fingerprint.
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "WebRTC");
    let certificate = parameters.self_signed(&key)?;
    Ok(Own { pem: certificate.pem() + &key.serialize_pem(), fingerprint: written(certificate.der()) })
}

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
    Some(written(&der))
}

fn written(der: &[u8]) -> String {
    Sha256::digest(der).iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_is_made_once_and_matches_its_fingerprint() {
        let own = own().unwrap();
        assert!(matches(&own.pem, std::slice::from_ref(&own.fingerprint)));
        assert!(std::ptr::eq(own, super::own().unwrap()));
    }

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
