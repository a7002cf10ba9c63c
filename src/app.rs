//! Builds the parts, joins them by channels, stops them in order.

use crate::config::Config;

/// Serve until SIGTERM or SIGINT.
///
/// # Errors
/// What kept the server from starting.
pub fn serve(_config: Config) -> anyhow::Result<()> {
    anyhow::bail!("not joined yet")
}

/// Say what this machine lacks; true when a room would work.
///
/// # Errors
/// What kept the check from running.
pub fn check(_config: &Config) -> anyhow::Result<bool> {
    anyhow::bail!("not joined yet")
}

/// Finish the recordings that a crash left.
///
/// # Errors
/// What kept it from running.
pub fn recover(_config: &Config) -> anyhow::Result<()> {
    anyhow::bail!("not joined yet")
}
