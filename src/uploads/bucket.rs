//! The store itself, by the `object_store` crate.

use std::io::SeekFrom;
use std::path::Path;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as Key;
use object_store::{ClientOptions, Error, ObjectStoreExt, RetryConfig};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::notes::FileNotes;
use crate::config::Config;
use crate::domain::ids::OutputId;

/// S3 wants at least 5 MiB, and all but the last equal; 10000 of these are 160 GB.
const PART: u64 = 16 << 20;
/// One request may take so long; a part over a slow line takes its time.
const REQUEST: Duration = Duration::from_secs(300);

/// Where recordings go.
pub(super) struct Bucket {
    store: AmazonS3,
    name: String,
    prefix: String,
}

/// Why something could not be sent, for the host: without any secret.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    #[error("the storage refuses the key: check upload_access_key and upload_secret_key")]
    Credentials,
    #[error("the storage has no bucket {0:?}")]
    NoBucket(String),
    #[error("the storage has {got} bytes of {expected} of {name}")]
    Size { name: String, got: u64, expected: u64 },
    #[error("{0}")]
    Store(String),
    #[error("a file can't be read: {0}")]
    Local(#[from] std::io::Error),
}

impl Bucket {
    /// `None` where the operator named none.
    pub(super) fn new(config: &Config) -> Result<Option<Self>, String> {
        let Some(name) = config.upload_bucket.clone() else { return Ok(None) };
        // One provider for the whole process; a second call changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let retry = RetryConfig { max_retries: 2, retry_timeout: Duration::from_secs(30), ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&name)
            .with_region(config.upload_region.as_deref().unwrap_or("us-east-1"))
            .with_retry(retry)
            .with_client_options(ClientOptions::new().with_timeout(REQUEST).with_allow_http(true));
        if let Some(endpoint) = &config.upload_endpoint {
            builder = builder.with_endpoint(endpoint.trim_end_matches('/')).with_allow_http(true);
        }
        if let (Some(key), Some(secret)) = (&config.upload_access_key, &config.upload_secret_key) {
            builder = builder.with_access_key_id(key).with_secret_access_key(secret);
        }
        let store = builder.build().map_err(|error| format!("upload_bucket: {error}"))?;
        let prefix = config.upload_prefix.clone().unwrap_or_default().trim_matches('/').to_owned();
        Ok(Some(Self { store, name, prefix }))
    }

    /// Where a recording goes, for people.
    pub(super) fn place(&self, recording: OutputId) -> String {
        format!("s3://{}/{}", self.name, self.folder(recording))
    }

    fn folder(&self, recording: OutputId) -> String {
        if self.prefix.is_empty() { recording.to_string() } else { format!("{}/{recording}", self.prefix) }
    }

    /// Sends the next part of a file, or what is left to do: afterwards a little more of it is done.
    pub(super) async fn send_some(
        &self,
        recording: OutputId,
        folder: &Path,
        file: &mut FileNotes,
    ) -> Result<(), Trouble> {
        let key = Key::from(format!("{}/{}", self.folder(recording), file.name));
        let path = folder.join(&file.name);
        if file.size <= PART {
            let whole = tokio::fs::read(&path).await?;
            file.size = whole.len() as u64;
            self.store.put(&key, whole.into()).await.map_err(|error| self.trouble(error))?;
            return self.verify(&key, file).await;
        }
        let Some(multipart) = file.multipart.clone() else {
            let id = self.store.create_multipart(&key).await.map_err(|error| self.trouble(error))?;
            (file.multipart, file.parts, file.sent) = (Some(id), Vec::new(), 0);
            return Ok(());
        };
        let sent = if file.sent < file.size {
            let part = read_part(&path, file.sent, file.size).await?;
            let long = part.len() as u64;
            let told = self.store.put_part(&key, &multipart, file.parts.len(), part.into()).await;
            told.map(|PartId { content_id }| {
                file.parts.push(content_id);
                file.sent += long;
            })
        } else {
            let parts = file.parts.iter().map(|part| PartId { content_id: part.clone() }).collect();
            match self.store.complete_multipart(&key, &multipart, parts).await {
                Ok(_) => return self.verify(&key, file).await,
                Err(error) => Err(error),
            }
        };
        match sent {
            // The store forgot what it had (they do, after days), or it was completed and nobody heard: see what is there.
            Err(Error::NotFound { .. }) => {
                if self.verify(&key, file).await.is_err() {
                    (file.multipart, file.parts, file.sent) = (None, Vec::new(), 0);
                }
                Ok(())
            }
            other => other.map_err(|error| self.trouble(error)),
        }
    }

    /// Only what the store says itself counts.
    async fn verify(&self, key: &Key, file: &mut FileNotes) -> Result<(), Trouble> {
        let got = self.store.head(key).await.map_err(|error| self.trouble(error))?.size;
        if got != file.size {
            return Err(Trouble::Size { name: file.name.clone(), got, expected: file.size });
        }
        (file.done, file.sent, file.multipart) = (true, file.size, None);
        file.parts.clear();
        Ok(())
    }

    fn trouble(&self, error: Error) -> Trouble {
        let text = chain(&error);
        // Not every store uses the right status: the code in its answer is what it means.
        let says = |codes: &[&str]| codes.iter().any(|code| text.contains(code));
        match error {
            _ if says(&["InvalidAccessKeyId", "SignatureDoesNotMatch", "AccessDenied"]) => Trouble::Credentials,
            Error::Unauthenticated { .. } | Error::PermissionDenied { .. } => Trouble::Credentials,
            _ if says(&["NoSuchBucket"]) => Trouble::NoBucket(self.name.clone()),
            _ => Trouble::Store(text),
        }
    }
}

async fn read_part(path: &Path, from: u64, size: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path).await?;
    file.seek(SeekFrom::Start(from)).await?;
    let long = PART.min(size - from);
    let mut part = Vec::with_capacity(long as usize);
    file.take(long).read_to_end(&mut part).await?;
    if part.len() as u64 != long {
        return Err(std::io::ErrorKind::UnexpectedEof.into());
    }
    Ok(part)
}

/// An error with all its causes, cut to what a person reads.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(400).collect()
}
