//! One open file: packets by symphonia, decoded by symphonia or, for Opus, by libopus; out comes interleaved stereo at
//! the file's own rate, without the encoder's priming and padding.

use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::time::Duration;

use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe, ProbeOptions};
use symphonia::core::formats::{FormatOptions, FormatReader, Track, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::m4a::{self, Edit};
use super::read::Source;
use super::riff;
use crate::{CHANNELS, SAMPLE_RATE, opus};

/// How far into a file the first frame of audio may lie, in bytes after any tags. Deeper, noise is taken for MP3.
const PROBE_DEPTH: u32 = 16 * 1_024;
/// With this many packets broken before one is whole, it is not audio.
const MOST_BROKEN_AT_START: u64 = 50;
/// A broken packet is replaced by as much silence as it says it lasts, up to this.
const LONGEST_BROKEN: Duration = Duration::from_secs(1);
/// Samples beyond this (+18 dBFS) are a broken file; they are held here so that sums stay finite.
const LOUDEST: f32 = 8.0;

/// Why a file cannot be decoded, for the person who named it.
pub(super) enum Fault {
    /// The bytes are not those of a sound file.
    NotAudio(String),
    /// They are, of a kind that is not read here.
    Unsupported(String),
    /// Reading them failed.
    Io(std::io::Error),
}

pub(super) struct Decoder {
    format: Box<dyn FormatReader>,
    track: u32,
    codec: Codec,
    window: Window,
    edits: Vec<Edit>,
    scratch: Vec<f32>,
    /// Packets decoded, and packets that could not be.
    whole: u64,
    broken: u64,
    /// Rate of the last packet decoded, and of the track before that. Hz.
    rate: u32,
    pub(super) channels: usize,
    pub(super) duration: Option<Duration>,
}

enum Codec {
    Symphonia(Box<dyn AudioDecoder>),
    Opus { decoder: Box<opus::Decoder>, gain: f32 },
}

/// The samples per channel still to be dropped, and then still to be heard.
#[derive(Clone, Copy, Default)]
struct Window {
    skip: u64,
    left: Option<u64>,
}

impl Decoder {
    /// `None` when there are headers, and nothing was recorded yet when they were left behind.
    pub(super) fn open(mut source: Box<dyn Source>) -> Result<Option<Self>, Fault> {
        let length = source.seek(SeekFrom::End(0)).map_err(Fault::Io)?;
        let layout = forgiving(m4a::layout(source.as_mut(), length))?.flatten();
        let repair = forgiving(riff::repair(source.as_mut(), length))?.flatten();
        let kind = forgiving(kind(source.as_mut()))?.unwrap_or(Kind::Other);
        source.seek(SeekFrom::Start(0)).map_err(Fault::Io)?;

        let samples = repair.as_ref().map(|repair| repair.samples);
        let media = match repair {
            Some(repair) => {
                let repaired = riff::Repaired::new(source, repair);
                Media { length: Some(repaired.length()), source: Box::new(repaired) }
            }
            // An MP4 file that is cut short is played as if it came from a pipe.
            None => Media { source, length: layout.as_ref().is_none_or(|layout| !layout.cut).then_some(length) },
        };
        let stream = MediaSourceStream::new(Box::new(media), MediaSourceStreamOptions::default());
        let mut probe = Probe::new_with_options(&ProbeOptions { max_probe_depth: PROBE_DEPTH, ..Default::default() });
        symphonia::default::register_enabled_formats(&mut probe);
        let format = match probe.probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default()) {
            Ok(format) => format,
            Err(Error::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => return Err(Fault::Io(error)),
            Err(Error::IoError(_)) if kind == Kind::OggOpus => return Ok(None),
            Err(Error::IoError(_)) if kind == Kind::Ogg => {
                return Err(Fault::NotAudio("it ends before its audio begins".into()));
            }
            Err(Error::DecodeError(what)) => return Err(Fault::NotAudio(format!("its header is broken ({what})"))),
            Err(_) => return Err(Fault::NotAudio("it begins like none of the formats that are read here".into())),
        };

        let (track, codec, window) = choose(format.as_ref())?;
        let mut decoder = Self {
            track: track.id,
            codec,
            window: Window { left: samples, ..window },
            edits: layout.map(|layout| layout.edits).unwrap_or_default(),
            scratch: Vec::new(),
            whole: 0,
            broken: 0,
            rate: 0,
            channels: 0,
            duration: None,
            format,
        };
        decoder.describe(&track);
        if let (Some(samples), rate @ 1..) = (samples, decoder.rate) {
            decoder.duration = Some(Duration::from_secs_f64(samples as f64 / f64::from(rate)));
        }
        Ok(Some(decoder))
    }

    /// Packets that could not be decoded and were replaced by silence.
    pub(super) fn broken(&self) -> u64 {
        self.broken
    }

    /// Decodes the next packet onto the end of `stereo`: its rate in Hz, or `None` at the end of the file.
    pub(super) fn next(&mut self, stereo: &mut Vec<f32>) -> Result<Option<u32>, Fault> {
        loop {
            let packet = match self.format.next_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return self.end(None),
                Err(Error::ResetRequired) => {
                    self.restart()?;
                    continue;
                }
                Err(Error::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => return Err(Fault::Io(error)),
                Err(error) => return self.end(Some(error)),
            };
            if packet.track_id != self.track {
                continue;
            }
            let before = stereo.len();
            if self.decode(&packet, stereo)? {
                self.whole += 1;
            } else {
                self.broken += 1;
                if self.whole == 0 && self.broken >= MOST_BROKEN_AT_START {
                    return Err(Fault::NotAudio(format!("none of its first {} packets can be decoded", self.broken)));
                }
                stereo.resize(before + CHANNELS * self.broken_length(&packet), 0.0);
            }
            if self.rate == 0 {
                continue;
            }
            self.cut(before, stereo);
            if stereo.len() > before {
                return Ok(Some(self.rate));
            }
            if self.window.left == Some(0) {
                return self.end(None);
            }
        }
    }

    /// Appends one packet. False when it is broken; what it appended is then dropped.
    fn decode(&mut self, packet: &Packet, stereo: &mut Vec<f32>) -> Result<bool, Fault> {
        let before = stereo.len();
        match &mut self.codec {
            Codec::Symphonia(decoder) => {
                let audio = match decoder.decode(packet) {
                    Ok(audio) => audio,
                    Err(Error::IoError(error)) if error.kind() != ErrorKind::UnexpectedEof => {
                        return Err(Fault::Io(error));
                    }
                    Err(_) => return Ok(false),
                };
                let rate = audio.spec().rate();
                let weights = downmix(audio.spec().channels());
                if weights.is_empty() {
                    return Ok(false);
                }
                audio.copy_to_vec_interleaved(&mut self.scratch);
                for samples in self.scratch.chunks_exact(weights.len()) {
                    let (mut left, mut right) = (0.0, 0.0);
                    for (sample, weight) in samples.iter().zip(&weights) {
                        left += sample * weight.0;
                        right += sample * weight.1;
                    }
                    stereo.extend([held(left), held(right)]);
                }
                if self.rate == 0 || self.whole == 0 {
                    self.window_for(rate);
                }
                (self.rate, self.channels) = (rate, weights.len());
            }
            Codec::Opus { decoder, gain } => {
                self.scratch.resize(opus::MAX_DECODED, 0.0);
                let Ok(samples) = decoder.decode(&packet.data, &mut self.scratch) else { return Ok(false) };
                stereo.extend(self.scratch[..samples * CHANNELS].iter().map(|sample| held(sample * *gain)));
                // libopus knows nothing of containers: what the last page cuts off is cut here.
                let cut = (packet.trim_end.get() as usize).min(samples);
                stereo.truncate(stereo.len() - cut * CHANNELS);
                if self.whole == 0 {
                    self.window_for(SAMPLE_RATE);
                }
                self.rate = SAMPLE_RATE;
            }
        }
        debug_assert!(stereo.len() >= before);
        Ok(true)
    }

    /// Sets the window by the edit list of the track, whose times are scaled to `rate`.
    fn window_for(&mut self, rate: u32) {
        let Some(edit) = self.edits.iter().find(|edit| edit.track == self.track) else { return };
        let scaled = |time: u64| (u128::from(time) * u128::from(rate) / u128::from(edit.scale)) as u64;
        self.window = Window { skip: scaled(edit.skip), left: edit.length.map(scaled) };
    }

    /// Cuts what was appended after `before` to the window.
    fn cut(&mut self, before: usize, stereo: &mut Vec<f32>) {
        let samples = ((stereo.len() - before) / CHANNELS) as u64;
        let skip = self.window.skip.min(samples);
        self.window.skip -= skip;
        stereo.drain(before..before + skip as usize * CHANNELS);
        if let Some(left) = &mut self.window.left {
            let kept = (samples - skip).min(*left);
            *left -= kept;
            stereo.truncate(before + kept as usize * CHANNELS);
        }
    }

    fn broken_length(&self, packet: &Packet) -> usize {
        let base = self.format.tracks().iter().find(|track| track.id == self.track).and_then(|track| track.time_base);
        let Some(time) = base.and_then(|base| base.calc_duration(packet.dur)) else { return 0 };
        let seconds = (time.as_nanos() as f64 / 1e9).clamp(0.0, LONGEST_BROKEN.as_secs_f64());
        (seconds * f64::from(self.rate)).round() as usize
    }

    /// The end, by itself or by `cut`. It is an error only if nothing came before it.
    fn end(&self, cut: Option<Error>) -> Result<Option<u32>, Fault> {
        match cut {
            _ if self.whole > 0 => Ok(None),
            None if self.broken == 0 => Ok(None),
            None => Err(Fault::NotAudio("nothing in it can be decoded".into())),
            Some(error) => Err(Fault::NotAudio(format!("it ends before its audio begins ({error})"))),
        }
    }

    /// Another stream begins inside the file (chained Ogg).
    fn restart(&mut self) -> Result<(), Fault> {
        let (track, codec, window) = choose(self.format.as_ref())?;
        (self.track, self.codec, self.window) = (track.id, codec, window);
        Ok(())
    }

    fn describe(&mut self, track: &Track) {
        let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
        self.rate = parameters.and_then(|audio| audio.sample_rate).unwrap_or(0);
        self.channels =
            parameters.and_then(|audio| audio.channels.as_ref()).map_or(CHANNELS, |channels| channels.count());
        let edited = self.edits.iter().find(|edit| edit.track == track.id);
        let seconds = match edited {
            Some(Edit { scale, length: Some(length), .. }) => Some(*length as f64 / *scale as f64),
            _ => track
                .time_base
                .zip(track.duration)
                .and_then(|(base, duration)| base.calc_duration(duration))
                .map(|time| time.as_nanos() as f64 / 1e9)
                .or_else(|| Some(track.num_frames? as f64 / f64::from(parameters?.sample_rate?))),
        };
        let skipped = match (&self.codec, edited) {
            (Codec::Opus { .. }, None) => self.window.skip as f64 / f64::from(SAMPLE_RATE),
            _ => 0.0,
        };
        self.duration = seconds.and_then(|seconds| Duration::try_from_secs_f64((seconds - skipped).max(0.0)).ok());
    }
}

/// The first audio track of a file, its decoder, and what of it is not to be heard.
fn choose(format: &dyn FormatReader) -> Result<(Track, Codec, Window), Fault> {
    let track = format
        .default_track(TrackType::Audio)
        .ok_or_else(|| Fault::NotAudio("there is no audio track in it".into()))?;
    let parameters = track
        .codec_params
        .as_ref()
        .and_then(|parameters| parameters.audio())
        .ok_or_else(|| Fault::Unsupported("its audio has no description".into()))?;
    let (codec, skip) = if parameters.codec == CODEC_ID_OPUS {
        opus_codec(parameters)?
    } else {
        let decoder = symphonia::default::get_codecs()
            .make_audio_decoder(parameters, &AudioDecoderOptions::default())
            .map_err(|error| Fault::Unsupported(format!("its codec is not one that is read here ({error})")))?;
        (Codec::Symphonia(decoder), 0)
    };
    Ok((track.clone(), codec, Window { skip, left: None }))
}

/// RFC 7845 §5.1: channels at byte 9, pre-skip at 10, output gain in 1/256 dB at 16, mapping family at 18.
fn opus_codec(parameters: &AudioCodecParameters) -> Result<(Codec, u64), Fault> {
    let head = parameters.extra_data.as_deref().unwrap_or(&[]);
    let word = |at: usize| head.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]));
    if let Some(&channels @ 3..) = head.get(9) {
        return Err(Fault::Unsupported(format!("Opus of {channels} channels is not read here, only mono and stereo")));
    }
    let gain = 10f32.powf(f32::from(word(16) as i16) / 256.0 / 20.0);
    let decoder = opus::Decoder::new().map_err(|error| Fault::Unsupported(error.to_string()))?;
    Ok((Codec::Opus { decoder: Box::new(decoder), gain }, u64::from(word(10))))
}

/// The weight of each channel in left and right, after ITU-R BS.775: centre and surrounds at −3 dB, no LFE.
fn downmix(channels: &Channels) -> Vec<(f32, f32)> {
    const HALF: f32 = std::f32::consts::FRAC_1_SQRT_2;
    let left = Position::FRONT_LEFT_CENTER | Position::REAR_LEFT | Position::SIDE_LEFT | Position::TOP_FRONT_LEFT;
    let right = Position::FRONT_RIGHT_CENTER | Position::REAR_RIGHT | Position::SIDE_RIGHT | Position::TOP_FRONT_RIGHT;
    match (channels.count(), channels) {
        (1, _) => vec![(1.0, 1.0)],
        (2, _) => vec![(1.0, 0.0), (0.0, 1.0)],
        (_, Channels::Positioned(positions)) => positions
            .iter()
            .map(|position| match position {
                Position::FRONT_LEFT => (1.0, 0.0),
                Position::FRONT_RIGHT => (0.0, 1.0),
                Position::FRONT_CENTER => (HALF, HALF),
                Position::LFE1 => (0.0, 0.0),
                side if left.contains(side) => (HALF, 0.0),
                side if right.contains(side) => (0.0, HALF),
                _ => (0.5, 0.5),
            })
            .collect(),
        // The first component of ambisonics is the sound from everywhere.
        (count, Channels::Ambisonic(_)) => (0..count).map(|n| if n == 0 { (1.0, 1.0) } else { (0.0, 0.0) }).collect(),
        (count, _) => (0..count).map(|n| if n % 2 == 0 { (HALF, 0.0) } else { (0.0, HALF) }).collect(),
    }
}

fn held(sample: f32) -> f32 {
    if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 }
}

#[derive(PartialEq)]
enum Kind {
    Ogg,
    OggOpus,
    Other,
}

/// Ogg's headers may be all there is; symphonia does not tell that from any other lack of audio.
fn kind(source: &mut dyn Source) -> std::io::Result<Kind> {
    source.seek(SeekFrom::Start(0))?;
    let mut head = [0; 36];
    source.read_exact(&mut head)?;
    Ok(match (&head[..4], &head[28..]) {
        (b"OggS", b"OpusHead") => Kind::OggOpus,
        (b"OggS", _) => Kind::Ogg,
        _ => Kind::Other,
    })
}

/// A file that ends early is for the decoder to judge; only a failing disk stops here.
fn forgiving<T>(result: std::io::Result<T>) -> Result<Option<T>, Fault> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(Fault::Io(error)),
    }
}

struct Media {
    source: Box<dyn Source>,
    /// In bytes; `None` keeps symphonia from looking for an end.
    length: Option<u64>,
}

impl Read for Media {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        self.source.read(out)
    }
}

impl Seek for Media {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.source.seek(to)
    }
}

impl MediaSource for Media {
    fn is_seekable(&self) -> bool {
        self.length.is_some()
    }

    fn byte_len(&self) -> Option<u64> {
        self.length
    }
}
