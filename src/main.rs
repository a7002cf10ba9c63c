//! The program: arguments, settings, log, then one of the commands.

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;
use tracing_subscriber::EnvFilter;
use veranda::cli::{Cli, Command};
use veranda::config::Config;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse_arguments(&error),
    };
    let config = match Config::load(&cli.options) {
        Ok(config) => config,
        Err(error) => return stop(&error.to_string()),
    };
    let filter = EnvFilter::try_new(&config.log).unwrap_or_default();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let outcome = match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => veranda::app::serve(config).map(|()| true),
        Command::Check => veranda::app::check(&config),
        Command::Recover => veranda::app::recover(&config).map(|()| true),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => stop(&format!("{error:#}")),
    }
}

/// Help and version go to standard output; a mistake is one line.
fn refuse_arguments(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        print!("{error}");
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    stop(text.lines().next().unwrap_or_default().trim_start_matches("error: "))
}

fn stop(line: &str) -> ExitCode {
    eprintln!("veranda: {line}");
    ExitCode::FAILURE
}
