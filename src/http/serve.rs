//! Listening, with or without TLS, and stopping in order: no new people, rooms closed, connections ended.

use std::future::Future;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use tokio::signal::unix::{SignalKind, signal};

use super::AppState;
use super::router::{metrics_router, router};
use crate::config::{Config, TlsMode};
use crate::tls;

/// For the head of a request, and for the next request on a kept connection.
const HEAD_WITHIN: Duration = Duration::from_secs(60);
/// Connections that still talk after the rooms are closed.
const END_WITHIN: Duration = Duration::from_secs(1);

/// Bound addresses and the certificate: what may fail is done before anything is started.
#[derive(Debug)]
pub struct Listener {
    http: TcpListener,
    metrics: Option<TcpListener>,
    tls: Option<RustlsConfig>,
    config: Arc<Config>,
}

impl Listener {
    /// Take the addresses and read (or make) the certificate.
    ///
    /// # Errors
    /// One line that names the key.
    pub fn bind(config: &Arc<Config>) -> anyhow::Result<Self> {
        let identity = tls::identity(config)?;
        if let (TlsMode::SelfSigned, Some(identity)) = (config.tls, &identity) {
            eprintln!("self-signed certificate, SHA-256 {}", identity.fingerprint);
        }
        let http = bind(config.listen).with_context(|| format!("listen: {}", config.listen))?;
        let metrics =
            config.metrics_listen.map(|address| bind(address).with_context(|| format!("metrics_listen: {address}")));
        let tls = identity.map(|identity| RustlsConfig::from_config(identity.server));
        Ok(Self { http, metrics: metrics.transpose()?, tls, config: config.clone() })
    }

    /// Where the page and the API are served: tells the port when it was 0.
    pub fn address(&self) -> SocketAddr {
        self.http.local_addr().unwrap_or(self.config.listen)
    }

    /// Where the metrics are served, when they have an address of their own.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics.as_ref().and_then(|listener| listener.local_addr().ok())
    }

    /// What a person on this machine types, or the public address where it is known.
    pub fn base_url(&self) -> String {
        if let Some(url) = &self.config.public_url {
            return url.as_str().to_owned();
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let address = self.address();
        match address.ip() {
            ip if ip.is_unspecified() || ip == IpAddr::from([127, 0, 0, 1]) => {
                format!("{scheme}://localhost:{}", address.port())
            }
            _ => format!("{scheme}://{address}"),
        }
    }
}

fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serve until `stop`, then close the rooms (recordings are finished) and end the connections.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: Listener, state: AppState, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let base_url = listener.base_url();
    let handle = Handle::new();
    let mut servers = tokio::task::JoinSet::new();
    if let Some(metrics) = listener.metrics {
        servers.spawn(run(metrics, None, metrics_router(state.clone()), handle.clone()));
    }
    if let Some(tls) = &listener.tls {
        tokio::spawn(reload_on_hangup(tls.clone(), listener.config.clone()));
    }
    servers.spawn(run(listener.http, listener.tls, router(state.clone()), handle.clone()));
    state.readiness.ready();
    eprintln!("ready {base_url}");
    tokio::select! {
        () = stop => {}
        ended = servers.join_next() => {
            ended.unwrap_or(Ok(Ok(()))).context("the listener ended")??;
            anyhow::bail!("the listener ended");
        }
    }
    tracing::info!("closing");
    state.readiness.closing();
    state.rooms.shutdown().await;
    handle.graceful_shutdown(Some(END_WITHIN));
    // axum-server counts connections; those that don't end are cut after the time above.
    let _ = tokio::time::timeout(END_WITHIN * 2, async { while servers.join_next().await.is_some() {} }).await;
    Ok(())
}

async fn run(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    router: Router,
    handle: Handle<SocketAddr>,
) -> std::io::Result<()> {
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    match tls {
        Some(tls) => {
            let mut server = axum_server::from_tcp_rustls(listener, tls)?.handle(handle);
            server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
            server.serve(service).await
        }
        None => {
            let mut server = axum_server::from_tcp(listener)?.handle(handle);
            server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(HEAD_WITHIN);
            server.serve(service).await
        }
    }
}

/// A renewed certificate is taken without a restart.
async fn reload_on_hangup(tls: RustlsConfig, config: Arc<Config>) {
    let Ok(mut hangups) = signal(SignalKind::hangup()) else { return };
    while hangups.recv().await.is_some() {
        let config = config.clone();
        match tokio::task::spawn_blocking(move || tls::identity(&config)).await {
            Ok(Ok(Some(identity))) => {
                tls.reload_from_config(identity.server);
                tracing::info!(fingerprint = identity.fingerprint, "the certificate was read again");
            }
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::error!(%error, "the certificate can't be read again; the old one stays"),
            Err(error) => tracing::error!(%error, "the certificate can't be read again; the old one stays"),
        }
    }
}

/// SIGTERM or SIGINT.
pub async fn stop_signal() {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals can't be heard");
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
