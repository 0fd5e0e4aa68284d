//! Sound cards by cpal. The system calls us back on a thread of its own, where nothing may wait:
//! frames go by bounded queues, and what does not fit is dropped.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as thread;

use anyhow::{Context, anyhow};
use audio::{CHANNELS, FRAME_SAMPLES, Frame, SAMPLE_RATE};
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Device, FromSample, Sample, SampleFormat, SizedSample, Stream, SupportedStreamConfig};
use tokio::sync::mpsc;

/// Frames that may wait in either direction: 0.5 s.
const MOST: usize = 25;

/// The default output. Silent while nothing is queued.
pub struct Speaker {
    _stream: Stream,
    frames: thread::SyncSender<Frame>,
    queued: Arc<AtomicUsize>,
}

/// The default input. Ends when it is dropped.
pub struct Microphone {
    _stream: Stream,
}

impl Speaker {
    /// Opens and starts it.
    pub fn open() -> anyhow::Result<Self> {
        quiet();
        let device = cpal::default_host().default_output_device().context("this machine has no speaker")?;
        let ranges = device.supported_output_configs().map_err(|e| missing("speaker", &e))?;
        let config = at_our_rate(ranges).context("the speaker does not play 48 kHz")?;
        let (frames, waiting) = thread::sync_channel(MOST);
        let queued = Arc::new(AtomicUsize::new(0));
        let queue = Queue { waiting, queued: queued.clone(), frame: Frame::SILENCE, used: FRAME_SAMPLES };
        let stream = match config.sample_format() {
            SampleFormat::F32 => play::<f32>(&device, &config, queue),
            SampleFormat::I16 => play::<i16>(&device, &config, queue),
            SampleFormat::I32 => play::<i32>(&device, &config, queue),
            SampleFormat::U8 => play::<u8>(&device, &config, queue),
            other => Err(anyhow!("its samples are {other}")),
        }
        .context("the speaker cannot be opened")?;
        stream.play().map_err(|e| anyhow!("the speaker does not start: {e}"))?;
        Ok(Self { _stream: stream, frames, queued })
    }

    /// Queues a frame; drops it when half a second waits already.
    pub fn play(&mut self, frame: &Frame) {
        if self.frames.try_send(frame.clone()).is_ok() {
            self.queued.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Frames that wait.
    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }
}

impl Microphone {
    /// Opens and starts it; its frames come by the queue, the newest dropped while nobody reads.
    pub fn open() -> anyhow::Result<(Self, mpsc::Receiver<Frame>)> {
        quiet();
        let device = cpal::default_host().default_input_device().context("this machine has no microphone")?;
        let ranges = device.supported_input_configs().map_err(|e| missing("microphone", &e))?;
        let config = at_our_rate(ranges).context("the microphone does not record at 48 kHz")?;
        let (frames, heard) = mpsc::channel(MOST);
        let stream = match config.sample_format() {
            SampleFormat::F32 => capture::<f32>(&device, &config, frames),
            SampleFormat::I16 => capture::<i16>(&device, &config, frames),
            SampleFormat::I32 => capture::<i32>(&device, &config, frames),
            SampleFormat::U8 => capture::<u8>(&device, &config, frames),
            other => Err(anyhow!("its samples are {other}")),
        }
        .context("the microphone cannot be opened")?;
        stream.play().map_err(|e| anyhow!("the microphone does not start: {e}"))?;
        Ok((Self { _stream: stream }, heard))
    }
}

/// The speaker's side of its queue.
struct Queue {
    waiting: thread::Receiver<Frame>,
    queued: Arc<AtomicUsize>,
    frame: Frame,
    /// Samples per channel of `frame` that are played.
    used: usize,
}

impl Queue {
    fn next(&mut self) -> [f32; CHANNELS] {
        if self.used == FRAME_SAMPLES {
            match self.waiting.try_recv() {
                Ok(frame) => {
                    self.queued.fetch_sub(1, Ordering::Relaxed);
                    self.frame = frame;
                    self.used = 0;
                }
                Err(_) => return [0.0; CHANNELS],
            }
        }
        let at = self.used * CHANNELS;
        self.used += 1;
        [self.frame.samples()[at], self.frame.samples()[at + 1]]
    }
}

fn play<T: SizedSample + FromSample<f32>>(
    device: &Device,
    config: &SupportedStreamConfig,
    mut queue: Queue,
) -> anyhow::Result<Stream> {
    let channels = usize::from(config.channels());
    let fill = move |out: &mut [T], _: &_| {
        for out in out.chunks_mut(channels) {
            let pair = queue.next();
            let mono = [(pair[0] + pair[1]) / 2.0];
            let samples: &[f32] = if channels == 1 { &mono } else { &pair };
            for (at, out) in out.iter_mut().enumerate() {
                *out = T::from_sample(samples.get(at).copied().unwrap_or(0.0));
            }
        }
    };
    device.build_output_stream((*config).into(), fill, complain, None).map_err(Into::into)
}

fn capture<T: SizedSample>(
    device: &Device,
    config: &SupportedStreamConfig,
    frames: mpsc::Sender<Frame>,
) -> anyhow::Result<Stream>
where
    f32: FromSample<T>,
{
    let channels = usize::from(config.channels());
    let mut heard = VecDeque::with_capacity(FRAME_SAMPLES * CHANNELS * 4);
    let take = move |input: &[T], _: &_| {
        for input in input.chunks_exact(channels) {
            let left = f32::from_sample(input[0]);
            let right = input.get(1).map_or(left, |sample| f32::from_sample(*sample));
            heard.extend([left, right]);
        }
        while heard.len() >= FRAME_SAMPLES * CHANNELS {
            let mut frame = Frame::SILENCE;
            for (sample, heard) in frame.samples_mut().iter_mut().zip(heard.drain(..FRAME_SAMPLES * CHANNELS)) {
                *sample = heard;
            }
            let _ = frames.try_send(frame);
        }
    };
    device.build_input_stream((*config).into(), take, complain, None).map_err(Into::into)
}

/// The best of the ways that run at 48 kHz: stereo before anything else, then floats.
fn at_our_rate(ranges: impl Iterator<Item = cpal::SupportedStreamConfigRange>) -> Option<SupportedStreamConfig> {
    ranges
        .filter_map(|range| range.try_with_sample_rate(SAMPLE_RATE))
        .min_by_key(|config| (config.channels() != 2, config.sample_format() != SampleFormat::F32))
}

/// The system may name a default device where there is none.
fn missing(what: &str, error: &cpal::Error) -> anyhow::Error {
    let said = error.to_string();
    anyhow!("this machine has no {what} that works: {}", said.trim_end_matches('.'))
}

/// ALSA tells standard error all it tries; our one sentence is enough.
fn quiet() {
    #[cfg(target_os = "linux")]
    let _ = alsa::Output::local_error_handler();
}

fn complain(error: cpal::Error) {
    crate::output::note(&format!("mixminus: sound card: {error}"));
}
