//! A server of the library on a free port, and the program run against it.
#![allow(clippy::unwrap_used, dead_code, missing_docs)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

use audio::Frame;
use audio::analysis::tone_levels_dbfs;
use audio::file::{Reader, Writer};
use server::config::Config;
use signaling::client::Client;
use signaling::{RoomName, RoomPatch, RoomState};
use tokio::runtime::Runtime;

/// Nothing in these tests takes longer.
const LONGEST: Duration = Duration::from_secs(60);

pub struct Server {
    runtime: Runtime,
    running: Option<server::Running>,
    pub url: String,
    pub client: Client,
}

impl Server {
    pub fn start() -> Self {
        Self::with(Config::default(), None)
    }

    pub fn with(config: Config, token: Option<String>) -> Self {
        let runtime = Runtime::new().unwrap();
        let config = Config { listen: ([127, 0, 0, 1], 0).into(), workers: 1, ..config };
        let running = runtime.block_on(server::start(config)).unwrap();
        let url = format!("http://{}", running.address);
        let client = Client::new(&url, token).unwrap();
        Self { runtime, running: Some(running), url, client }
    }

    /// `mixminus` with these arguments, talking to this server.
    pub fn cli(&self, arguments: &[&str]) -> Command {
        let mut command = cli(arguments);
        command.env("MIXMINUS_SERVER", &self.url);
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Said {
        said(self.cli(arguments).output().unwrap())
    }

    /// Starts it and lets it run.
    pub fn spawn(&self, arguments: &[&str]) -> Running {
        let mut child = self.cli(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let error = BufReader::new(child.stderr.take().unwrap());
        Running { child, error: Some(error) }
    }

    pub fn make_room(&self, room: &str) {
        self.wait(self.client.make_room(&name(room), &RoomPatch::default())).unwrap();
    }

    pub fn room(&self, room: &str) -> RoomState {
        self.wait(self.client.room(&name(room))).unwrap()
    }

    /// Follows a room that is there until it is as wanted.
    pub fn until(&self, room: &str, wanted: impl Fn(&RoomState) -> bool) {
        self.wait(async {
            let mut events = self.client.events(&name(room)).await.unwrap();
            while !wanted(&self.client.room(&name(room)).await.unwrap()) {
                events.next().await.expect("the room stays open").unwrap();
            }
        });
    }

    /// Waits until somebody follows a room by its WebSocket.
    pub fn until_followed(&self) {
        let address = self.url.trim_start_matches("http://");
        let mut page = String::new();
        while !page.contains("\nmixminus_websockets 1\n") {
            let mut http = std::net::TcpStream::connect(address).unwrap();
            write!(http, "GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
            page.clear();
            http.read_to_string(&mut page).unwrap();
        }
    }

    pub fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(LONGEST, work).await.expect("in a minute") })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(running) = self.running.take() {
            self.runtime.block_on(running.stop());
        }
    }
}

/// A started program; killed if a test fails before it has ended.
pub struct Running {
    child: Child,
    error: Option<BufReader<ChildStderr>>,
}

impl Running {
    /// Waits for the first line of its progress: it has joined, has the floor if it needs it, and is at work.
    pub fn is_at_work(&mut self) {
        let mut line = String::new();
        while !line.contains("dBFS") {
            assert!(line.is_empty() || line.contains("floor"), "{line}");
            line.clear();
            assert_ne!(self.error.as_mut().unwrap().read_line(&mut line).unwrap(), 0, "it has ended");
        }
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end, as a terminal or a service manager would.
    pub fn signal(&self, signal: &str) {
        let done = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    pub fn end(mut self) -> Said {
        let mut out = self.child.stdout.take().unwrap();
        let mut error = self.error.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            error.read_to_string(&mut text).unwrap();
            text
        });
        let output = std::io::read_to_string(&mut out).unwrap();
        let code = self.child.wait().unwrap().code();
        Said { code, output, error: reader.join().unwrap() }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a program left behind.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub output: String,
    pub error: String,
}

impl Said {
    #[track_caller]
    pub fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.output
    }

    /// It failed with these words somewhere behind its progress.
    #[track_caller]
    pub fn failed_somehow(self, words: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        let last = self.error.lines().last().unwrap_or_default();
        assert!(words.iter().all(|word| last.contains(word)), "{words:?} are not all in: {last}");
    }

    /// It failed with this code and one line that has these words.
    #[track_caller]
    pub fn failed(self, code: i32, words: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let line = self.error.trim_end();
        if code == 1 {
            assert!(!line.contains('\n'), "more than one line: {line}");
        }
        for word in words {
            assert!(line.contains(word), "{word:?} is not in: {line}");
        }
    }
}

/// `mixminus` with these arguments and nothing of our environment that would change it.
pub fn cli(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mixminus"));
    command.args(arguments).stdin(Stdio::null());
    for variable in ["MIXMINUS_SERVER", "MIXMINUS_TOKEN", "MIXMINUS_KEY"] {
        command.env_remove(variable);
    }
    command
}

pub fn said(output: Output) -> Said {
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), output: text(output.stdout), error: text(output.stderr) }
}

pub fn name(room: &str) -> RoomName {
    room.parse().unwrap()
}

/// A mono WAV of 16 bit with a sine.
pub fn write_tone(path: &Path, rate: u32, seconds: u32, frequency_hz: f64, level_dbfs: f64) {
    let amplitude = 32_767.0 * 10_f64.powf(level_dbfs / 20.0);
    let step = std::f64::consts::TAU * frequency_hz / f64::from(rate);
    let samples = (0..rate * seconds).map(|n| ((f64::from(n) * step).sin() * amplitude).round() as i16);
    let data: Vec<u8> = samples.flat_map(i16::to_le_bytes).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(rate.to_le_bytes());
    file.extend((rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    std::fs::write(path, file).unwrap();
}

/// A file's left channel at 48 kHz.
pub fn left(path: &Path) -> Vec<f32> {
    let frames = Reader::open(path).unwrap().map(|frame| frame.unwrap());
    frames.flat_map(|frame: Frame| frame.left().collect::<Vec<_>>()).collect()
}

/// A tenth of a second.
pub const PIECE: usize = 4_800;

/// The level of a tone in most pieces of a tenth of a second. A machine that stalls makes a packet late now and then:
/// that is heard in one piece or two, and says nothing about the level.
pub fn steady_dbfs(samples: &[f32], frequency_hz: f32) -> f32 {
    median(&tone_levels_dbfs(samples, frequency_hz, PIECE))
}

/// The middle one of these values.
#[track_caller]
pub fn median(values: &[f32]) -> f32 {
    assert!(!values.is_empty(), "nothing was heard");
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted[sorted.len() / 2]
}

/// Which share of these levels is further than `by_db` from `level_dbfs`.
pub fn share_off(levels: &[f32], level_dbfs: f32, by_db: f32) -> f64 {
    let off = levels.iter().filter(|level| (*level - level_dbfs).abs() > by_db).count();
    off as f64 / levels.len().max(1) as f64
}

/// A file that opens and is silence.
pub fn write_silence(path: &Path, frames: usize) {
    let mut writer = Writer::create(path).unwrap();
    for _ in 0..frames {
        writer.write(&Frame::SILENCE).unwrap();
    }
    writer.finish().unwrap();
}
