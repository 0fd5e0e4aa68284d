//! `mixminus simulate`: hear what a network does to a conversation, without one.

mod figures;
mod network;
mod world;

use std::hash::Hasher as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use audio::file::Writer;
use audio::{CHANNELS, EncoderSettings, Frame};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;

use crate::cli::Global;
use crate::settings::{self, Setting};
use crate::{output, parse};
use figures::{Figures, chart, compare};
use network::{Named, Network};

/// Play files through the real room and jitter buffers under a network, faster than real time
///
/// Each file is a talker; one listener hears them. The network is on the way of the talkers to the room, and with
/// --downlink also on the way to the listener. The same seed gives the same sound, bit for bit.
#[derive(Debug, Args)]
pub struct Simulate {
    /// Sound files, one for each talker
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// What a listener would hear: a .wav or .ogg
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// A network that people know; the options below change parts of it
    #[arg(long, value_enum, default_value = "clean")]
    network: Named,
    /// Percent of packets lost
    #[arg(long, value_name = "PERCENT", value_parser = parse::percent)]
    loss: Option<f64>,
    /// How many are lost in a row, on average
    #[arg(long, value_name = "PACKETS", value_parser = clap::value_parser!(u8).range(1..=50))]
    burst: Option<u8>,
    /// How much longer than the shortest a packet may take, ms
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u16).range(0..=2000))]
    jitter: Option<u16>,
    /// Shortest way, ms
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u16).range(0..=2000))]
    delay: Option<u16>,
    /// Percent of packets that are overtaken
    #[arg(long, value_name = "PERCENT", value_parser = parse::percent)]
    reorder: Option<f64>,
    /// Percent of packets that come twice
    #[arg(long, value_name = "PERCENT", value_parser = parse::percent)]
    repeat: Option<f64>,
    /// How fast the talkers' clocks are, in parts in a million; negative is slow
    #[arg(long, value_name = "PPM", default_value_t = 0, allow_negative_numbers = true, value_parser = clap::value_parser!(i32).range(-10_000..=10_000))]
    drift: i32,
    /// The network is on the way to the listener, too
    #[arg(long)]
    downlink: bool,
    /// Another seed is another day of the same network
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What talkers send, bits a second
    #[arg(long, value_name = "BPS", default_value_t = 48_000, value_parser = clap::value_parser!(u32).range(6_000..=510_000))]
    bitrate: u32,
    /// Talkers send no copy of the packet before (in-band FEC)
    #[arg(long)]
    no_fec: bool,
    /// Each packet describes so much of what came before it (DRED), ms
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u16).range(10..=1000))]
    dred: Option<u16>,
    /// Set the room, such as frame_ms=10; `mixminus mix --help` lists all
    #[arg(long = "set", value_name = "KEY=VALUE", value_parser = settings::setting)]
    set: Vec<Setting>,
    /// Only so much of the files, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = parse::time)]
    duration: Option<Duration>,
}

/// What is printed.
#[derive(Serialize)]
struct Report {
    seconds: f64,
    took_seconds: f64,
    sent: u64,
    lost: u64,
    downlink_sent: u64,
    downlink_lost: u64,
    concealed_ms: u64,
    recovered_by_fec: u64,
    recovered_by_dred: u64,
    late: u64,
    skipped_ms: u64,
    jitter_buffer_ms: u64,
    #[serde(flatten)]
    figures: Figures,
    /// ViSQOL's mean opinion, 1 to 5, where `visqol` is installed.
    #[serde(skip_serializing_if = "Option::is_none")]
    visqol: Option<f64>,
    /// Of the sound as 16 bit samples: FNV-1a, 64 bit.
    hash: String,
}

impl Simulate {
    /// Plays, writes and prints.
    pub fn run(self, global: &Global) -> anyhow::Result<()> {
        let start = std::time::Instant::now();
        let uplink = self.network();
        let perfect = Network { burst: 1.0, ..Network::default() };
        let setting = world::Setting {
            files: self.files.clone(),
            uplink,
            downlink: if self.downlink { uplink } else { perfect },
            seed: self.seed,
            encoder: EncoderSettings {
                bitrate_bps: self.bitrate,
                fec: !self.no_fec,
                // What a browser would have been told by our reports.
                expected_loss_percent: if self.no_fec {
                    0
                } else {
                    (uplink.loss * 100.0).round().clamp(0.0, 30.0) as u8
                },
                dred: Duration::from_millis(self.dred.unwrap_or(0).into()),
                ..EncoderSettings::default()
            },
            drift_ppm: f64::from(self.drift),
            room: settings::patch(&self.set),
            limit: self.duration,
        };
        let bar = progress();
        let outcome =
            world::play(&setting, |heard| bar.set_message(format!("{} heard", output::clock(heard.as_secs_f64()))))?;
        bar.set_message("comparing what was heard with what was said");
        let figures = compare(&outcome.heard, &outcome.said);
        if let Some(out) = &self.out {
            write(out, &outcome.heard)?;
        }
        bar.finish_and_clear();
        let (room, listener) = (outcome.room, outcome.listener);
        let report = Report {
            seconds: (outcome.heard.len() / CHANNELS) as f64 / 48_000.0,
            took_seconds: (start.elapsed().as_secs_f64() * 100.0).round() / 100.0,
            sent: outcome.up.0,
            lost: outcome.up.1,
            downlink_sent: outcome.down.0,
            downlink_lost: outcome.down.1,
            concealed_ms: (room.concealed + listener.concealed).as_millis() as u64,
            recovered_by_fec: room.recovered_by_fec + listener.recovered_by_fec,
            recovered_by_dred: room.recovered_by_dred + listener.recovered_by_dred,
            late: room.late + listener.late,
            skipped_ms: (room.skipped + listener.skipped).as_millis() as u64,
            jitter_buffer_ms: (room.delay + listener.delay).as_millis() as u64,
            visqol: self.out.as_deref().and_then(|out| visqol(&outcome.said, out)),
            hash: hash(&outcome.heard),
            figures,
        };
        if global.json { Ok(output::json(&report)?) } else { print(&report) }
    }

    fn network(&self) -> Network {
        let named = self.network.network();
        let share = |percent: Option<f64>, named: f64| percent.map_or(named, |percent| percent / 100.0);
        let time = |ms: Option<u16>, named: Duration| ms.map_or(named, |ms| Duration::from_millis(ms.into()));
        Network {
            delay: time(self.delay, named.delay),
            jitter: time(self.jitter, named.jitter),
            loss: share(self.loss, named.loss),
            burst: self.burst.map_or(named.burst, f64::from),
            reorder: share(self.reorder, named.reorder),
            repeat: share(self.repeat, named.repeat),
            stall: named.stall,
        }
    }
}

fn print(report: &Report) -> anyhow::Result<()> {
    let Report { figures, .. } = report;
    output::line(&format!(
        "{} heard in {:.2} s: {} of {} packets lost on the way to the room, {} of {} to the listener",
        output::clock(report.seconds),
        report.took_seconds,
        report.lost,
        report.sent,
        report.downlink_lost,
        report.downlink_sent,
    ))?;
    output::line(&format!(
        "gaps {} ms (longest {} ms) · concealed {} ms · restored by FEC {}, by DRED {} · too late {} · left out to catch up {} ms",
        figures.gaps_ms,
        figures.longest_gap_ms,
        report.concealed_ms,
        report.recovered_by_fec,
        report.recovered_by_dred,
        report.late,
        report.skipped_ms,
    ))?;
    if let Some(visqol) = report.visqol {
        output::line(&format!("ViSQOL {visqol:.2} of 5"))?;
    }
    output::line(&format!("mouth to ear: p50 {:.0} ms, p95 {:.0} ms", figures.delay_p50_ms, figures.delay_p95_ms))?;
    for line in chart(&figures.delay_ms, 72, 6) {
        output::line(&line)?;
    }
    output::line(&format!("hash {}", report.hash))?;
    Ok(())
}

fn progress() -> ProgressBar {
    if !output::is_watched() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {msg}").expect("the template is ours"));
    bar
}

fn write(path: &Path, heard: &[f32]) -> anyhow::Result<()> {
    let mut writer = Writer::create(path)?;
    let mut frame = Frame::SILENCE;
    for part in heard.chunks_exact(frame.samples().len()) {
        frame.samples_mut().copy_from_slice(part);
        writer.write(&frame)?;
    }
    Ok(writer.finish()?)
}

/// FNV-1a of the samples as a 16 bit file would have them.
fn hash(heard: &[f32]) -> String {
    struct Fnv(u64);
    impl std::hash::Hasher for Fnv {
        fn finish(&self) -> u64 {
            self.0
        }
        fn write(&mut self, bytes: &[u8]) {
            for byte in bytes {
                self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01B3);
            }
        }
    }
    let mut fnv = Fnv(0xCBF2_9CE4_8422_2325);
    for sample in heard {
        fnv.write(&((sample.clamp(-1.0, 1.0) * 32_767.0).round() as i16).to_le_bytes());
    }
    format!("{:016x}", fnv.finish())
}

/// Asks the program `visqol`, if there is one, how much like the original it sounds.
fn visqol(said: &[f32], out: &Path) -> Option<f64> {
    let original = out.with_extension("said.wav");
    write(&original, said).ok()?;
    let asked = std::process::Command::new("visqol")
        .args(["--reference_file".as_ref(), original.as_os_str(), "--degraded_file".as_ref(), out.as_os_str()])
        .output();
    // It was only made to be compared with.
    _ = std::fs::remove_file(&original);
    let said = String::from_utf8(asked.ok()?.stdout).ok()?;
    said.lines().find_map(|line| line.split_once("MOS-LQO:")?.1.trim().parse().ok())
}
