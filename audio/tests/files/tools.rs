//! Signals, measurements and the programs of others.

use std::f64::consts::TAU;
use std::io::{self, Cursor, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use audio::file::{ReadError, Reader};
use audio::{FRAME_SAMPLES, Frame};

/// One channel.
pub type Channel = Vec<f32>;

/// Runs a program of others with bytes on its standard input. Fails, with what to install, when it is missing.
pub fn run(program: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}): install the packages ffmpeg and sox"));
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    // A program that has read enough closes its end; that is not an error of ours.
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    feeder.join().unwrap();
    output
}

/// The same; it must succeed. Its standard output.
pub fn succeed(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let output = run(program, arguments, input);
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Encodes channels at `rate` into `path` by ffmpeg with the given options.
pub fn encode(channels: &[Channel], rate: u32, options: &[&str], path: &Path) {
    let mut input = Vec::new();
    for n in 0..channels[0].len() {
        for channel in channels {
            input.extend(channel[n].to_le_bytes());
        }
    }
    let (rate, count) = (rate.to_string(), channels.len().to_string());
    let mut arguments = vec!["-v", "error", "-y", "-f", "f32le", "-ar", &rate, "-ac", &count, "-i", "pipe:0"];
    arguments.extend(options);
    arguments.push(path.to_str().unwrap());
    succeed("ffmpeg", &arguments, &input);
}

/// Decodes a file by ffmpeg to 48 kHz stereo.
pub fn ffmpeg_decode(path: &Path) -> [Channel; 2] {
    let path = path.to_str().unwrap();
    let output = succeed("ffmpeg", &["-v", "error", "-i", path, "-f", "f32le", "-ar", "48000", "-ac", "2", "-"], &[]);
    let samples: Vec<f32> = output.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    [samples.iter().step_by(2).copied().collect(), samples.iter().skip(1).step_by(2).copied().collect()]
}

/// Seconds that ffprobe reads off a file.
pub fn ffprobe_seconds(path: &Path) -> f64 {
    let wanted = ["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", path.to_str().unwrap()];
    String::from_utf8(succeed("ffprobe", &wanted, &[])).unwrap().trim().parse().unwrap()
}

/// Samples per channel that sox reads from a WAV file. (Debian's sox is built without Opus.)
pub fn sox_samples(path: &Path) -> usize {
    let path = path.to_str().unwrap();
    let raw = succeed("sox", &["-V1", path, "-t", "raw", "-e", "signed", "-b", "16", "-c", "2", "-"], &[]);
    raw.len() / 4
}

/// A sine of amplitude `level` that starts at zero.
pub fn sine(hertz: f64, level: f64, samples: usize, rate: u32) -> Channel {
    (0..samples).map(|n| (level * (TAU * hertz * n as f64 / f64::from(rate)).sin()) as f32).collect()
}

/// Silence with a burst of 10 ms of 1 kHz at each of the given seconds, loudest there.
pub fn bursts(seconds: &[f64], samples: usize, rate: u32) -> Channel {
    let mut out = vec![0.0; samples];
    for &at in seconds {
        for (n, sample) in out.iter_mut().enumerate() {
            let t = n as f64 / f64::from(rate) - at;
            if t.abs() < 0.005 {
                *sample += (0.5 * (1.0 + (TAU * t / 0.01).cos()) / 2.0 * (TAU * 1_000.0 * t).cos()) as f32;
            }
        }
    }
    out
}

/// Where, between two seconds, a burst of [`bursts`] is, in seconds: the centre of its energy.
pub fn burst_at(channel: &[f32], from: f64, to: f64) -> f64 {
    let range = (from * 48_000.0) as usize..((to * 48_000.0) as usize).min(channel.len());
    let energy: f64 = channel[range.clone()].iter().map(|x| f64::from(*x).powi(2)).sum();
    assert!(energy > 1.0, "no burst between {from} and {to} s");
    range.map(|n| n as f64 / 48_000.0 * f64::from(channel[n]).powi(2)).sum::<f64>() / energy
}

/// Channels as frames; the last is filled up with silence.
pub fn frames(left: &[f32], right: &[f32]) -> Vec<Frame> {
    let fill = |(left, right): (&[f32], &[f32])| {
        let mut frame = Frame::SILENCE;
        for (pair, (l, r)) in frame.samples_mut().chunks_exact_mut(2).zip(left.iter().zip(right)) {
            pair.copy_from_slice(&[*l, *r]);
        }
        frame
    };
    left.chunks(FRAME_SAMPLES).zip(right.chunks(FRAME_SAMPLES)).map(fill).collect()
}

/// Everything that a reader gives, without what fills up the last frame.
pub fn drain(reader: &mut Reader) -> Result<[Channel; 2], ReadError> {
    let mut channels = [Vec::new(), Vec::new()];
    let mut frame = Frame::SILENCE;
    loop {
        let count = reader.read(&mut frame, 0)?;
        channels[0].extend(frame.left().take(count));
        channels[1].extend(frame.right().take(count));
        if count < FRAME_SAMPLES {
            return Ok(channels);
        }
    }
}

pub fn read(path: &Path) -> [Channel; 2] {
    drain(&mut Reader::open(path).unwrap()).unwrap()
}

pub fn read_bytes(bytes: Vec<u8>, name: &str) -> Result<[Channel; 2], ReadError> {
    drain(&mut Reader::new(Cursor::new(bytes), name)?)
}

/// What a sine near `hertz` is like: its level, its true pitch, its start, and what is left when it is taken away.
#[derive(Debug)]
pub struct Tone {
    /// Amplitude.
    pub level: f64,
    /// Distance from `hertz`.
    pub cents: f64,
    /// The loudest 10 ms of what is not the tone, in dB against the tone. A gap, a click or a repeat is heard here.
    pub rest_db: f64,
}

pub fn tone(channel: &[f32], hertz: f64) -> Tone {
    let half = channel.len() / 2;
    let ((a, first), (b, second)) = (project(channel, 0..half, hertz), project(channel, half..2 * half, hertz));
    let turn = (second - first + 3.0 * std::f64::consts::PI).rem_euclid(TAU) - std::f64::consts::PI;
    let offset = turn / TAU * 48_000.0 / half as f64;
    let (level, phase) = project(channel, 0..channel.len(), hertz + offset);
    assert!(a.max(b) < 1e-6 || (a / b - 1.0).abs() < 0.1, "the tone changes: {a} then {b}");
    let mut loudest: f64 = 0.0;
    for (block, samples) in channel.chunks_exact(480).enumerate() {
        let rest = samples.iter().enumerate().map(|(n, sample)| {
            let t = (block * 480 + n) as f64 / 48_000.0;
            (f64::from(*sample) - level * (TAU * (hertz + offset) * t + phase).sin()).powi(2)
        });
        loudest = loudest.max(rest.sum::<f64>() / 480.0);
    }
    let rest_db = 10.0 * (loudest / (level * level / 2.0)).log10();
    Tone { level, cents: 1_200.0 * (1.0 + offset / hertz).log2(), rest_db }
}

/// Amplitude and phase of a sine under a Hann window.
fn project(channel: &[f32], range: std::ops::Range<usize>, hertz: f64) -> (f64, f64) {
    let (mut sine, mut cosine, mut weight) = (0.0, 0.0, 0.0);
    let length = range.len() as f64;
    for (n, at) in range.enumerate() {
        let window = 0.5 - 0.5 * (TAU * n as f64 / length).cos();
        let angle = TAU * hertz * at as f64 / 48_000.0;
        sine += window * f64::from(channel[at]) * angle.sin();
        cosine += window * f64::from(channel[at]) * angle.cos();
        weight += window / 2.0;
    }
    ((sine / weight).hypot(cosine / weight), cosine.atan2(sine))
}

pub fn db(ratio: f64) -> f64 {
    20.0 * ratio.log10()
}

/// A file in memory that keeps what a `kill -9` would leave behind after each of its writes.
#[derive(Clone, Default)]
pub struct Recording(Arc<Mutex<(Cursor<Vec<u8>>, u64)>>);

impl Recording {
    pub fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().0.get_ref().clone()
    }

    /// Writes so far.
    pub fn writes(&self) -> u64 {
        self.0.lock().unwrap().1
    }

    pub fn save(&self, path: &Path) -> PathBuf {
        std::fs::write(path, self.bytes()).unwrap();
        path.to_owned()
    }
}

impl Write for Recording {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut inner = self.0.lock().unwrap();
        inner.1 += 1;
        inner.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Recording {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.lock().unwrap().0.seek(to)
    }
}

/// Bytes that look random and are the same each time (xorshift).
pub fn noise(seed: u64, count: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..count).map(|_| next()).collect()
}

pub fn slurp(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    std::fs::File::open(path).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}
