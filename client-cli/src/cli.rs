//! The command line as a whole; each command has its arguments and its work in its own file.

use clap::{Args, Parser, Subcommand};
use signaling::client::Client;

use crate::{bench, events, listen, mix, parse, push, record, rooms, simulate, talk, token};

/// Push sound files into an audio room, record it, mix it.
#[derive(Debug, Parser)]
#[command(name = "mixminus", version, disable_help_subcommand = true)]
pub struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes.
#[derive(Debug, Args)]
pub struct Global {
    /// The server's address
    #[arg(long, global = true, value_name = "URL", env = "MIXMINUS_SERVER", default_value = "http://127.0.0.1:8080", value_parser = parse::server)]
    server: String,
    /// The token that the server asks for once it has a key; `mixminus token` makes one
    #[arg(long, global = true, value_name = "JWT", env = "MIXMINUS_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Print JSON, for programs
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    Push(push::Push),
    Record(record::Record),
    Rooms(rooms::Rooms),
    Mix(mix::Mix),
    Events(events::Follow),
    Talk(talk::Talk),
    Listen(listen::Listen),
    Simulate(simulate::Simulate),
    Bench(bench::Bench),
    Token(token::Token),
}

impl Global {
    /// The client of the server that was named.
    pub fn client(&self) -> Client {
        Client::new(&self.server, self.token.clone()).expect("the address was checked when it was parsed")
    }
}

impl Cli {
    /// Does what was asked; an error is for [`crate::failure::report`].
    pub async fn run(self) -> anyhow::Result<()> {
        match self.command {
            Command::Push(push) => push.run(&self.global).await,
            Command::Record(record) => record.run(&self.global).await,
            Command::Rooms(rooms) => rooms.run(&self.global).await,
            Command::Mix(mix) => mix.run(&self.global).await,
            Command::Events(events) => events.run(&self.global).await,
            Command::Talk(talk) => talk.run(&self.global).await,
            Command::Listen(listen) => listen.run(&self.global).await,
            Command::Simulate(simulate) => simulate.run(&self.global),
            Command::Bench(bench) => bench.run(&self.global).await,
            Command::Token(token) => token.run(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(arguments: &str) -> String {
        Cli::try_parse_from(arguments.split(' ')).expect_err(arguments).to_string()
    }

    #[test]
    fn the_definition_is_sound() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_value_out_of_its_range_is_refused_with_the_range() {
        for (arguments, words) in [
            ("mixminus push a.wav --room r --gain 99", "-60 to 20"),
            ("mixminus push a.wav --room r --gain loud", "-60 to 20"),
            ("mixminus push a.wav --room r --gain NaN", "-60 to 20"),
            ("mixminus push a.wav --room r --pan 1.5", "-1 to 1"),
            ("mixminus push a.wav --room a/b", "1 to 64 characters"),
            ("mixminus push a.wav --room r --start -3", "seconds"),
            ("mixminus record a.wav --room r --duration -1", "seconds"),
            ("mixminus record a.wav --room r --duration soon", "seconds"),
            ("mixminus record a.mp3 --room r", ".wav or .ogg"),
            ("mixminus mix r x --gain 200", "-60 to 20"),
            ("mixminus push a.wav --room r --bus telephone", "announcement"),
            ("mixminus push a.wav --room r --priority 256", "0..=255"),
            ("mixminus mix r x --bus telephone", "program"),
            ("mixminus mix r --mode party", "floor"),
            ("mixminus mix r --set floor_holders=17", "floor_holders is 1 to 16"),
            ("mixminus mix r --set loudness=3", "duck_db"),
            ("mixminus mix r --floor request", "TRACK"),
            ("mixminus mix r x --floor take", "revoke"),
            ("mixminus mix r x --priority 3", "--floor"),
            ("mixminus mix r --volume -3", "--for"),
            ("mixminus mix r x --solo", "--for"),
            ("mixminus mix r --for x --master 3", "--master"),
            ("mixminus mix r --for x --volume 21", "-60 to 20"),
            ("mixminus token --key k --room r --can talk --priority 256", "0..=255"),
            ("mixminus rooms --server 8080", "http://127.0.0.1:8080"),
            ("mixminus simulate a.wav --network moon", "wifi"),
            ("mixminus simulate a.wav --loss 101", "0 to 100"),
            ("mixminus simulate a.wav --burst 0", "1..=50"),
            ("mixminus bench --rooms 0", "1..=10000"),
            ("mixminus bench --peers 5,x", "invalid digit"),
            ("mixminus bench --seconds -1", "seconds"),
            ("mixminus bench --max 5", "--search"),
            ("mixminus bench --search rooms --max-tick-ms 0", "more than 0"),
            ("mixminus token --key k --room r --can fly --ttl 1h", "talk"),
            ("mixminus token --key k --room r --can talk --ttl 0", "90s"),
        ] {
            assert!(error(arguments).contains(words), "{arguments}: {}", error(arguments));
        }
    }

    #[test]
    fn negative_gains_and_pans_are_values() {
        for arguments in ["mixminus push a.wav --room r --gain -6 --pan -1", "mixminus mix r --master -3.5"] {
            assert!(Cli::try_parse_from(arguments.split(' ')).is_ok(), "{arguments}");
        }
    }
}
