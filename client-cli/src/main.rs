//! `mixminus`: push files into a room, record it, mix it.

mod bench;
mod cli;
mod events;
mod failure;
mod floor;
mod listen;
mod mix;
mod output;
mod parse;
mod push;
mod record;
mod rooms;
mod settings;
mod simulate;
mod sound_card;
mod stop;
mod talk;
mod token;

use std::process::ExitCode;

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match cli.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}
