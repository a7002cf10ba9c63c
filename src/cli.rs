//! The command line: sub-commands and flags. A flag only carries text; [`crate::config`] reads it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// A group video room that anyone can host: join by a link, record to one MP4, stream to RTMP.
#[derive(Debug, Parser)]
#[command(name = "veranda", version, about, subcommand_required = false)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Settings.
    #[command(flatten)]
    pub options: Options,
}

/// The sub-commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Run the server (what happens when no command is named)
    Serve,
    /// Say what this machine lacks; exit 0 only when a room would work
    Check,
    /// Finish recordings that a crash left behind
    Recover,
}

/// The flags. Each is also a key of veranda.toml (`media_port`) and an environment variable (`VERANDA_MEDIA_PORT`).
/// Secrets have no flag: every user of the machine can read a command line.
#[derive(Debug, Clone, Default, Args)]
pub struct Options {
    /// Settings file [default: veranda.toml, when there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where the page and the API are served [default: 127.0.0.1:8080]
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Where rooms and recordings are kept [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<String>,
    /// Encoders and outputs of your own instead of the built-in ones
    #[arg(long, global = true, value_name = "DIR")]
    pub pipelines: Option<String>,
    /// The address people reach this server under, where that is not what their browser says
    #[arg(long, global = true, value_name = "URL")]
    pub public_url: Option<String>,
    /// The one UDP port for all media, and ICE-TCP on the same number [default: 7882]
    #[arg(long, global = true, value_name = "PORT")]
    pub media_port: Option<String>,
    /// An address told to clients for media; repeatable [default: all usable local ones]
    #[arg(long, global = true, value_name = "IP")]
    pub media_address: Vec<String>,
    /// What is logged, as in `info,veranda=debug` [default: info]
    #[arg(long, global = true, value_name = "FILTER")]
    pub log: Option<String>,
    /// off, self-signed, files or acme [default: off]
    #[arg(long, global = true, value_name = "MODE")]
    pub tls: Option<String>,
    /// The certificate chain, PEM, for `--tls files`
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_cert: Option<String>,
    /// Its key, PEM, for `--tls files`
    #[arg(long, global = true, value_name = "FILE")]
    pub tls_key: Option<String>,
    /// An address of its own for /metrics
    #[arg(long, global = true, value_name = "ADDR:PORT")]
    pub metrics_listen: Option<String>,
}

impl Options {
    /// The flags that were given, under the key of the settings file.
    pub fn given(&self) -> BTreeMap<&'static str, String> {
        let single = [
            ("listen", &self.listen),
            ("data", &self.data),
            ("pipelines", &self.pipelines),
            ("public_url", &self.public_url),
            ("media_port", &self.media_port),
            ("log", &self.log),
            ("tls", &self.tls),
            ("tls_cert", &self.tls_cert),
            ("tls_key", &self.tls_key),
            ("metrics_listen", &self.metrics_listen),
        ];
        let mut given: BTreeMap<_, _> =
            single.into_iter().filter_map(|(key, value)| Some((key, value.clone()?))).collect();
        if !self.media_address.is_empty() {
            given.insert("media_address", self.media_address.join(","));
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_may_stand_before_and_after_the_command() {
        for line in [["veranda", "--listen", "[::1]:1", "check"], ["veranda", "check", "--listen", "[::1]:1"]] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.command, Some(Command::Check));
            assert_eq!(cli.options.given()["listen"], "[::1]:1");
        }
    }

    #[test]
    fn serving_is_the_default_and_addresses_add_up() {
        let cli = Cli::try_parse_from(["veranda", "--media-address", "10.0.0.1", "--media-address", "::1"]).unwrap();
        assert_eq!(cli.command, None);
        assert_eq!(cli.options.given()["media_address"], "10.0.0.1,::1");
    }
}
