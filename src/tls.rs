//! Certificates: self-signed and kept, or the operator's files. rustls with the ring provider.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use time::{Duration, OffsetDateTime};

use crate::config::{Config, TlsMode};

/// Browsers refuse certificates that live much longer.
const LIFETIME: Duration = Duration::days(365);
/// A server that starts this close to the end gets a new one.
const RENEW_BEFORE: Duration = Duration::days(30);

/// What keeps TLS from starting: one line that names the file or the key.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

/// A certificate and its key, ready to serve.
#[derive(Debug, Clone)]
pub struct Identity {
    /// For the listener.
    pub server: Arc<ServerConfig>,
    /// SHA-256 of the certificate, as browsers show it.
    pub fingerprint: String,
}

/// What the settings ask for; `None` without TLS.
///
/// # Errors
/// One line that names the file or the key.
pub fn identity(config: &Config) -> Result<Option<Identity>, TlsError> {
    match config.tls {
        TlsMode::Off => Ok(None),
        TlsMode::SelfSigned => self_signed(&config.data.join("tls"), &names(config)).map(Some),
        TlsMode::Files => {
            let (Some(certificate), Some(key)) = (&config.tls_cert, &config.tls_key) else {
                return Err(TlsError("tls = \"files\" needs tls_cert and tls_key".to_owned()));
            };
            load(("tls_cert", certificate), ("tls_key", key)).map(Some)
        }
    }
}

/// Read a chain and a key; the names are those of the settings.
fn load(certificate: (&str, &Path), key: (&str, &Path)) -> Result<Identity, TlsError> {
    let wrong = |(name, path): (&str, &Path), what: String| TlsError(format!("{name}: {}: {what}", path.display()));
    let chain = CertificateDer::pem_file_iter(certificate.1)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong(certificate, explain(&error)))?;
    let Some(first) = chain.first() else {
        return Err(wrong(certificate, "there is no certificate in it".to_owned()));
    };
    let fingerprint = fingerprint(first);
    let private = PrivateKeyDer::from_pem_file(key.1).map_err(|error| wrong(key, explain(&error)))?;
    let mut server = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError(error.to_string()))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| wrong(key, format!("does not fit the certificate: {error}")))?;
    // WebSockets over HTTP/2 are a protocol of their own, and one HTTP is enough.
    server.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Identity { server: Arc::new(server), fingerprint })
}

fn explain(error: &rustls_pki_types::pem::Error) -> String {
    match error {
        rustls_pki_types::pem::Error::Io(error) => error.to_string(),
        rustls_pki_types::pem::Error::NoItemsFound => "there is no key in it".to_owned(),
        other => format!("is no PEM: {other:?}"),
    }
}

fn fingerprint(certificate: &CertificateDer<'_>) -> String {
    let hash = Sha256::digest(certificate);
    hash.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

/// What the kept certificate is good for, beside it as JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    names: Vec<String>,
    #[serde(with = "time::serde::rfc3339")]
    not_after: OffsetDateTime,
}

/// The kept certificate, or a new one when there is none, it ends soon, or it lacks a name.
fn self_signed(folder: &Path, names: &[String]) -> Result<Identity, TlsError> {
    let path = |name: &str| folder.join(name);
    let (certificate, key) = (path("cert.pem"), path("key.pem"));
    let kept = fs::read(path("names.json")).ok().and_then(|text| serde_json::from_slice::<Kept>(&text).ok());
    let good = kept.is_some_and(|kept| {
        kept.not_after - OffsetDateTime::now_utc() > RENEW_BEFORE && names.iter().all(|name| kept.names.contains(name))
    });
    if good && let Ok(identity) = load(("tls", &certificate), ("tls", &key)) {
        return Ok(identity);
    }
    make(folder, names).map_err(|error| TlsError(format!("tls: {}: {error}", folder.display())))?;
    load(("tls", &certificate), ("tls", &key))
}

fn make(folder: &Path, names: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::CommonName, "Veranda, self-signed");
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // A day back, for clients whose clock is behind.
    parameters.not_before = OffsetDateTime::now_utc() - Duration::DAY;
    parameters.not_after = OffsetDateTime::now_utc() + LIFETIME;
    let key = KeyPair::generate()?;
    let certificate = parameters.self_signed(&key)?;
    fs::create_dir_all(folder)?;
    write(folder.join("key.pem"), key.serialize_pem().as_bytes(), 0o600)?;
    write(folder.join("cert.pem"), certificate.pem().as_bytes(), 0o644)?;
    let kept = Kept { names: names.to_vec(), not_after: parameters.not_after };
    write(folder.join("names.json"), &serde_json::to_vec_pretty(&kept)?, 0o644)?;
    Ok(())
}

fn write(path: PathBuf, content: &[u8], mode: u32) -> std::io::Result<()> {
    // Made anew, because the mode of a file that is there already would stay.
    let _ = fs::remove_file(&path);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Every name people on this network may type.
fn names(config: &Config) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    if let Ok(host) = fs::read_to_string("/proc/sys/kernel/hostname") {
        let host = host.trim().to_ascii_lowercase();
        names.extend([format!("{host}.local"), host]);
    }
    names.extend(if_addrs::get_if_addrs().into_iter().flatten().map(|interface| interface.ip().to_string()));
    names.extend(config.media_address.iter().map(ToString::to_string));
    names.extend(config.public_url.iter().map(|url| url.host().to_owned()));
    names.retain(|name| !name.is_empty() && name.is_ascii() && !name.starts_with('.'));
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_self_signed_certificate_is_kept_until_it_lacks_a_name() {
        let data = tempfile::tempdir().unwrap();
        let mut config = Config { tls: TlsMode::SelfSigned, data: data.path().to_owned(), ..Config::default() };
        let first = identity(&config).unwrap().unwrap().fingerprint;
        assert_eq!(first.len(), 32 * 3 - 1);
        assert_eq!(identity(&config).unwrap().unwrap().fingerprint, first);
        let mode = fs::metadata(data.path().join("tls/key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        config.public_url = Some("https://rooms.example".parse().unwrap());
        let second = identity(&config).unwrap().unwrap().fingerprint;
        assert_ne!(second, first);
        assert_eq!(identity(&config).unwrap().unwrap().fingerprint, second);
    }

    #[test]
    fn one_that_ends_soon_is_renewed() {
        let data = tempfile::tempdir().unwrap();
        let config = Config { tls: TlsMode::SelfSigned, data: data.path().to_owned(), ..Config::default() };
        let first = identity(&config).unwrap().unwrap().fingerprint;
        let kept = Kept { names: names(&config), not_after: OffsetDateTime::now_utc() + Duration::DAY };
        fs::write(data.path().join("tls/names.json"), serde_json::to_vec(&kept).unwrap()).unwrap();
        assert_ne!(identity(&config).unwrap().unwrap().fingerprint, first);
    }

    #[test]
    fn files_that_are_not_there_are_named() {
        let data = tempfile::tempdir().unwrap();
        let signed = Config { tls: TlsMode::SelfSigned, data: data.path().to_owned(), ..Config::default() };
        identity(&signed).unwrap();
        let good = data.path().join("tls/cert.pem");
        let broken = data.path().join("broken.pem");
        fs::write(&broken, "hello").unwrap();
        for (certificate, key, line) in [
            (
                Path::new("/nowhere"),
                Path::new("/nowhere"),
                "tls_cert: /nowhere: No such file or directory (os error 2)",
            ),
            (&good, Path::new("/nowhere"), "tls_key: /nowhere: No such file or directory (os error 2)"),
            (&good, &good, "there is no key in it"),
            (&broken, &good, "there is no certificate in it"),
        ] {
            let config = Config {
                tls: TlsMode::Files,
                tls_cert: Some(certificate.to_owned()),
                tls_key: Some(key.to_owned()),
                ..Config::default()
            };
            let error = identity(&config).unwrap_err().to_string();
            assert!(error.contains(line), "{error}");
        }
    }
}
