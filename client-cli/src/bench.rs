//! `mixminus bench`: what a server can carry.

mod crowd;
mod load;
mod process;
mod report;
mod search;
mod stream;
mod ticks;
mod visits;
mod voice;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use signaling::client::Identity;

use self::load::{Setting, Shape};
use self::search::Raised;
use crate::{cli::Global, failure::Usage, output, parse, stop};

/// Measure how much a server can carry
///
/// Fills rooms of its own with peers, lets some talk, and counts what the others hear. Works with every server that
/// speaks WHIP and WHEP (--whip).
#[derive(Debug, Args)]
#[command(
    after_help = "Talkers talk without a pause; all others hear and send nothing. One listener of each room decodes what it \
    hears, and there must be sound in it. With --json: one line for each measurement, and one for the end of a search."
)]
pub struct Bench {
    /// Rooms
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rooms: u32,
    /// Peers in each room, those who talk included; several, as 10,100,1000, are measured one after the other
    #[arg(long, value_name = "N", default_value = "10", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(0..=10_000))]
    peers: Vec<u32>,
    /// How many of them talk
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    talkers: u32,
    /// How long is counted, once all are connected and talk
    #[arg(long, value_name = "TIME", default_value = "10", allow_hyphen_values = true, value_parser = parse::time)]
    seconds: Duration,
    /// The server's process on this machine: its CPU time and memory are read from /proc
    #[arg(long)]
    pid: Option<u32>,
    /// Talkers join by WHIP and hear nothing, instead of by /api/offer: for servers of others
    #[arg(long)]
    whip: bool,
    /// Of each talker's strip, dB; other than 0 the server has to mix although one talks alone
    #[arg(long, value_name = "DB", allow_hyphen_values = true, value_parser = parse::gain)]
    gain: Option<f32>,
    /// Peers come one after the other, so many each second, and talk at once; who gets 503 stays out and is counted
    #[arg(long, value_name = "N", conflicts_with = "search", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pace: Option<u32>,
    /// So many others come each second while all is counted, listen for --stay and leave
    #[arg(long, value_name = "N", conflicts_with = "search", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    joins_per_second: Option<u32>,
    /// How long each of them stays once it is connected
    #[arg(long, value_name = "TIME", default_value = "2", requires = "joins_per_second", value_parser = parse::time)]
    stay: Duration,
    /// Raise this until the server can no more, and tell how many it was
    #[arg(long, value_name = "WHAT")]
    search: Option<Raised>,
    /// Where the search ends at the latest
    #[arg(long, value_name = "N", default_value_t = 2_000, requires = "search", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max: u32,
    /// The server can no more when 99.9 % of its ticks take up to more than this; only where its /metrics tell
    #[arg(long, value_name = "MS", default_value_t = 5.0, requires = "search", value_parser = parse::positive)]
    max_tick_ms: f64,
    /// Or when more of the packets are lost
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, requires = "search", value_parser = parse::percent)]
    max_loss: f64,
}

impl Bench {
    /// Measures and prints; on Ctrl-C ends without a result.
    pub async fn run(self, global: &Global) -> anyhow::Result<()> {
        let shapes: Vec<Shape> = self.peers.iter().map(|peers| self.shape(*peers)).collect();
        if let Some(shape) = shapes.iter().find(|shape| shape.talkers > shape.peers) {
            return Err(Usage(format!("--talkers {} is more than --peers {}", shape.talkers, shape.peers)).into());
        }
        if self.search.is_some() && shapes.len() != 1 {
            return Err(Usage("a search begins with one number of --peers".into()).into());
        }
        let stop = stop::on_signal();
        tokio::select! {
            done = self.work(global, &shapes) => done,
            () = stop.cancelled() => anyhow::bail!("stopped before the measurement was over"),
        }
    }

    async fn work(&self, global: &Global, shapes: &[Shape]) -> anyhow::Result<()> {
        let client = global.client();
        let voices = (0..voice::VOICES).map(|n| voice::packets(n).map(Arc::new)).collect::<anyhow::Result<Vec<_>>>()?;
        let setting = Setting {
            identity: Identity::generate()?,
            local: client.local_address().await?,
            client,
            voices,
            seconds: self.seconds,
            pid: self.pid,
            whip: self.whip,
            gain_db: self.gain,
            pace: self.pace,
            visits: self.joins_per_second.map(|per_second| visits::Visits { per_second, stay: self.stay }),
        };
        let mut rows = Vec::new();
        let mut done = |row: load::Row| -> anyhow::Result<()> {
            if global.json {
                output::json(&row)?;
            } else {
                if rows.is_empty() {
                    output::line(report::HEAD)?;
                }
                output::line(&report::line(&row))?;
                for line in report::comers(&row) {
                    output::line(&line)?;
                }
            }
            rows.push(row);
            Ok(())
        };
        let found = match self.search {
            None => {
                for shape in shapes {
                    done(setting.measure(*shape).await?)?;
                }
                None
            }
            Some(raised) => {
                let limits =
                    search::Limits { max: self.max as usize, tick_ms: self.max_tick_ms, loss_percent: self.max_loss };
                Some(search::search(&setting, raised, shapes[0], &limits, &mut done).await?)
            }
        };
        if global.json {
            return found.map_or(Ok(()), |found| Ok(output::json(&found)?));
        }
        for line in report::graph(&rows) {
            output::line(&line)?;
        }
        found.map_or(Ok(()), |found| Ok(output::line(&found.sentence())?))
    }

    fn shape(&self, peers: u32) -> Shape {
        Shape {
            rooms: self.rooms as usize,
            peers: peers as usize,
            talkers: if peers == 0 { 0 } else { self.talkers as usize },
        }
    }
}
