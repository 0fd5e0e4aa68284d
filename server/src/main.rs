//! The server's program: settings in, one line out, then until a signal says to end.

use std::io::{Write, stdout};
use std::process::ExitCode;

use server::config::{Config, ConfigError};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let config = match Config::of_process() {
        Ok(config) => config,
        Err(ConfigError::Asked(text)) => return say(text.trim_end()).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS),
        Err(error) => return fail(&error, 2),
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error,server=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    run(config).map_or_else(|error| fail(&format!("{error:#}"), 1), |()| ExitCode::SUCCESS)
}

#[tokio::main]
async fn run(config: Config) -> anyhow::Result<()> {
    // Before anything starts, so that a signal in between ends it in order too.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let server = server::start(config).await?;
    say(&format!("listening on http://{}", server.address))?;
    tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    server.stop().await;
    Ok(())
}

fn say(line: &str) -> std::io::Result<()> {
    writeln!(stdout(), "{line}")
}

fn fail(error: &dyn std::fmt::Display, code: u8) -> ExitCode {
    eprintln!("mixminus-server: {error}");
    ExitCode::from(code)
}
