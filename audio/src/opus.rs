//! Opus by libopus.

use std::time::Duration;

use crate::bandwidth::UpperBand;

use crate::libopus::{EncoderSetting, RawDecoder, RawDred, RawEncoder};
use crate::onset::Onset;
use crate::packet;
use crate::{CHANNELS, FRAME_SAMPLES, Frame};

/// The longest packet, 120 ms, as interleaved stereo samples: room for any decode.
pub const MAX_DECODED: usize = packet::MAX_PACKET_SAMPLES * CHANNELS;

/// The most bytes [`Encoder::encode`] writes for one frame.
pub const MAX_ENCODED: usize = 1276;

/// From so many bits a second on packets carry, besides what every decoder knows, finer steps in their padding (QEXT,
/// draft-ietf-mlcodec-opus-scalable-quality-extension): what Opus adds to a tone falls from −45 to −110 dB. With fewer bits it would
/// take more from the plain packet than it gives. Decoders that do not know it pass over it.
pub const STUDIO_BPS: u32 = 256_000;

/// Below this effort libopus does not look how wide a sound is.
const LOOKS_ITSELF: u8 = 7;

/// At this effort it looks in each frame whether anything begins, and has nothing to gain from that where nothing does: then
/// it works with less.
const LOOKS_FOR_ONSETS: u8 = 1;

/// From so many bits a second on it is always in its music mode, where the band may change from frame to frame unheard.
const MUSIC_BPS: u32 = 64_000;

/// Why libopus did not do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpusError {
    /// The packet breaks RFC 6716: the sender's fault, and a retry does not help.
    #[error("malformed Opus packet: {0}")]
    Malformed(&'static str),
    /// libopus refused a call or a setting.
    #[error("libopus: {function}: {reason}")]
    Codec {
        /// The function of libopus.
        function: &'static str,
        /// Its own words.
        reason: &'static str,
    },
}

/// Samples per channel at 48 kHz that a packet decodes to: 120 to 5760 (2.5 to 120 ms).
/// An error where its first byte and its lengths break RFC 6716 §3.4.
pub fn packet_samples(payload: &[u8]) -> Result<usize, OpusError> {
    packet::parse(payload).map(|shape| shape.samples)
}

/// Whether a packet carries a copy of the one before it (in-band FEC); false where it is malformed.
pub fn has_fec(payload: &[u8]) -> bool {
    packet::parse(payload).is_ok_and(|shape| shape.has_fec)
}

/// How an [`Encoder`] weighs bits, effort and loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bits per second of the whole stereo stream, held within 6000 to 510 000; from [`STUDIO_BPS`] on in studio quality.
    pub bitrate_bps: u32,
    /// Effort, 0 to 10.
    pub complexity: u8,
    /// Packets in a hundred that are expected to be lost. Over 5 with `fec`, libopus leaves its
    /// music mode (which has no FEC) for its speech modes, which colour music.
    pub expected_loss_percent: u8,
    /// Whether packets may carry a copy of the packet before them.
    pub fec: bool,
    /// How far back each packet describes what was before it (DRED), up to 1.04 s in steps of 10 ms;
    /// zero is off. Costs some 30 kbit/s a second of reach, and needs an expected loss above zero.
    pub dred: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { bitrate_bps: 128_000, complexity: 10, expected_loss_percent: 0, fec: true, dred: Duration::ZERO }
    }
}

/// Encodes stereo frames of 10 or 20 ms.
#[derive(Debug)]
pub struct Encoder {
    inner: RawEncoder,
    /// What follows the sound's band; none where libopus decides.
    upper: Option<Box<UpperBand>>,
    /// What follows where it begins; none where the effort is always the same.
    onset: Option<Onset>,
    /// Whether it looks now.
    looks: bool,
}

impl Encoder {
    /// An encoder with no history. An error only if libopus cannot allocate.
    pub fn new(settings: Settings) -> Result<Self, OpusError> {
        Self::with(settings, false)
    }

    /// The same, which looks ahead by 2.5 ms and not by 6.5 where it would be in its music mode anyway: from 64 kbit/s on, with
    /// no loss expected.
    pub fn quick(settings: Settings) -> Result<Self, OpusError> {
        let is_music =
            settings.expected_loss_percent == 0 && settings.dred.is_zero() && settings.bitrate_bps >= MUSIC_BPS;
        Self::with(settings, is_music)
    }

    fn with(settings: Settings, is_music: bool) -> Result<Self, OpusError> {
        let mut inner = RawEncoder::new(is_music)?;
        inner.set(EncoderSetting::Bitrate(settings.bitrate_bps.clamp(6_000, 510_000) as i32))?;
        inner.set(EncoderSetting::Complexity(i32::from(settings.complexity.min(10))))?;
        inner.set(EncoderSetting::ExpectedLoss(i32::from(settings.expected_loss_percent.min(100))))?;
        inner.set(EncoderSetting::InbandFec(settings.fec))?;
        if settings.bitrate_bps >= STUDIO_BPS {
            inner.set(EncoderSetting::Extension(true))?;
        }
        if !settings.dred.is_zero() {
            inner.set(EncoderSetting::Dred((settings.dred.as_millis() / 10).min(104) as i32))?;
        }
        let is_followed = settings.complexity < LOOKS_ITSELF
            && settings.expected_loss_percent == 0
            && (MUSIC_BPS..STUDIO_BPS).contains(&settings.bitrate_bps);
        let upper = is_followed.then(|| Box::new(UpperBand::new()));
        let onset = (is_followed && settings.complexity == LOOKS_FOR_ONSETS).then(Onset::default);
        Ok(Self { inner, upper, onset, looks: true })
    }

    /// Encodes one frame into `out` and returns the bytes written, at most [`MAX_ENCODED`]. A
    /// smaller `out` lowers the quality; an empty one is an error. The frame must be finite.
    pub fn encode(&mut self, frame: &Frame, out: &mut [u8]) -> Result<usize, OpusError> {
        self.encode_part(frame.samples(), out)
    }

    /// The same for 2.5, 5, 10 or 20 ms of interleaved stereo: a stream may go on in shorter frames.
    pub fn encode_part(&mut self, samples: &[f32], out: &mut [u8]) -> Result<usize, OpusError> {
        let room = out.len().min(MAX_ENCODED);
        if let Some(is_needed) = self.upper.as_mut().and_then(|upper| upper.follow(samples)) {
            self.inner.set(EncoderSetting::UpperBand(is_needed))?;
        }
        if let Some(onset) = &mut self.onset {
            let begins = onset.follow(samples);
            if std::mem::replace(&mut self.looks, begins) != begins {
                self.inner.set(EncoderSetting::Complexity(i32::from(if begins { LOOKS_FOR_ONSETS } else { 0 })))?;
            }
        }
        self.inner.encode(samples, &mut out[..room])
    }

    /// The same, with no prediction from the frames before, so that a decoder with any other
    /// history follows from here on.
    pub fn encode_independent(&mut self, frame: &Frame, out: &mut [u8]) -> Result<usize, OpusError> {
        self.inner.set(EncoderSetting::PredictionDisabled(true))?;
        let written = self.encode(frame, out);
        self.inner.set(EncoderSetting::PredictionDisabled(false))?;
        written
    }

    /// Samples per channel at 48 kHz by which the decoded sound comes later: the pre-skip of a file.
    pub fn lookahead(&mut self) -> Result<usize, OpusError> {
        self.inner.lookahead()
    }

    /// Forgets all history and keeps the settings.
    pub fn reset(&mut self) -> Result<(), OpusError> {
        self.inner.reset()
    }
}

/// Decodes packets of 2.5 to 120 ms, mono or stereo, to stereo at 48 kHz.
#[derive(Debug, Default)]
pub struct Decoder {
    /// Made when it is first needed: it is 96 kB.
    inner: Option<RawDecoder>,
    /// Made when a packet is first asked for what it describes of the past.
    dred: Option<Box<RawDred>>,
    /// What it knew at [`Decoder::save`].
    saved: Vec<u8>,
    /// What it knew before [`Decoder::decode_aside`].
    aside: Vec<u8>,
}

/// The effort of decoding at which what is lost of speech is guessed by a neural network (deep PLC of libopus 1.5).
const DEEP_PLC: i32 = 5;

impl Decoder {
    /// A decoder with no history. An error only if libopus cannot allocate. [`Decoder::default`] is the same, and takes
    /// its memory with the first packet.
    pub fn new() -> Result<Self, OpusError> {
        Ok(Self { inner: Some(RawDecoder::new()?), ..Self::default() })
    }

    /// Forgets all history and gives all memory back, until it is needed again.
    pub fn release(&mut self) {
        *self = Self::default();
    }

    fn inner(&mut self) -> Result<&mut RawDecoder, OpusError> {
        made(&mut self.inner)
    }

    /// Decodes a packet to the start of `out` (interleaved stereo, [`MAX_DECODED`] always fits) and
    /// returns samples per channel. Every sample is finite, whatever the packet holds.
    pub fn decode(&mut self, payload: &[u8], out: &mut [f32]) -> Result<usize, OpusError> {
        let wanted = packet_samples(payload)?;
        let out = out.get_mut(..wanted * CHANNELS).ok_or(NO_ROOM)?;
        let decoded = self.inner()?.decode(payload, out, false)?.min(wanted);
        // After a change of frame size libopus may give less than a packet of silence is long.
        out[decoded * CHANNELS..].fill(0.0);
        tame(out);
        Ok(wanted)
    }

    /// Fills `out` with a guess of what a lost packet held. `out` is interleaved stereo, a multiple
    /// of 2.5 ms up to 120 ms.
    pub fn conceal(&mut self, out: &mut [f32]) -> Result<usize, OpusError> {
        self.recover(&[], out)
    }

    /// Fills `out` with the lost sound that lies right before `payload`: its in-band FEC as far as
    /// it reaches back, a guess before that and where it has none. `out` as for [`Self::conceal`].
    pub fn decode_fec(&mut self, payload: &[u8], out: &mut [f32]) -> Result<usize, OpusError> {
        packet_samples(payload)?;
        self.recover(payload, out)
    }

    /// How many samples before `payload` its deep redundancy (DRED) describes, out of the `wanted`
    /// ones, and none where it has none. What it says is kept for [`Self::decode_dred`]. Takes
    /// memory once, at the first packet that may have any, and 0.3 ms where it has.
    pub fn read_dred(&mut self, payload: &[u8], wanted: usize) -> usize {
        if !packet::may_have_dred(payload) {
            return 0;
        }
        if self.dred.is_none() {
            self.dred = RawDred::new().ok().map(Box::new);
        }
        // It is read in steps of 40 ms, and ends a little before the packet.
        let read = self.dred.as_mut().and_then(|dred| dred.read(payload, wanted + 2 * DRED_STEP).ok());
        // What it leaves out there would be silence.
        read.filter(|&(_, end)| end == 0).map_or(0, |(reach, _)| reach.min(wanted))
    }

    /// Fills `out` with what lay `before` samples ahead of the packet of [`Self::read_dred`], in its
    /// own time and in order. `out` as for [`Self::conceal`].
    pub fn decode_dred(&mut self, before: usize, out: &mut [f32]) -> Result<usize, OpusError> {
        if out.len() > MAX_DECODED || out.is_empty() {
            return Err(NO_ROOM);
        }
        let dred = self.dred.as_ref().ok_or(NO_ROOM)?;
        let decoded = made(&mut self.inner)?.decode_dred(dred, before, out)?;
        let decoded = (decoded * CHANNELS).min(out.len());
        out[decoded..].fill(0.0);
        tame(out);
        Ok(out.len() / CHANNELS)
    }

    fn recover(&mut self, payload: &[u8], out: &mut [f32]) -> Result<usize, OpusError> {
        if out.len() > MAX_DECODED || out.is_empty() {
            return Err(NO_ROOM);
        }
        let decoded = self.inner()?.decode(payload, out, !payload.is_empty())?;
        let decoded = (decoded * CHANNELS).min(out.len());
        out[decoded..].fill(0.0);
        tame(out);
        Ok(out.len() / CHANNELS)
    }

    /// Whether what is lost is guessed by a neural network from now on: it knows voices, and nothing else.
    pub fn set_deep(&mut self, is_voice: bool) {
        // It fails only on an effort that there is not, and without memory.
        let _ = self.inner().and_then(|inner| inner.set_complexity(if is_voice { DEEP_PLC } else { 0 }));
    }

    /// Keeps what it knows, once; takes memory at the first time.
    pub fn save(&mut self) {
        if let Some(inner) = &self.inner {
            inner.save(&mut self.saved);
        }
    }

    /// Knows again what it knew at [`Self::save`], and nothing of what it decoded since.
    pub fn restore(&mut self) {
        if let Some(inner) = &mut self.inner {
            inner.restore(&self.saved);
        }
    }

    /// The same as [`Self::decode`], and knows nothing of it afterwards. Takes memory at the first time.
    pub fn decode_aside(&mut self, payload: &[u8], out: &mut [f32]) -> Result<usize, OpusError> {
        let Self { inner, aside, .. } = self;
        made(inner)?.save(aside);
        let decoded = self.decode(payload, out);
        if let Some(inner) = &mut self.inner {
            inner.restore(&self.aside);
        }
        decoded
    }

    /// Forgets all history.
    pub fn reset(&mut self) -> Result<(), OpusError> {
        self.inner.as_mut().map_or(Ok(()), RawDecoder::reset)
    }
}

fn made(inner: &mut Option<RawDecoder>) -> Result<&mut RawDecoder, OpusError> {
    match inner {
        Some(inner) => Ok(inner),
        None => Ok(inner.insert(RawDecoder::new()?)),
    }
}

/// Samples of one latent of DRED, 40 ms.
const DRED_STEP: usize = 1920;

const NO_ROOM: OpusError = OpusError::Codec { function: "decode", reason: "the buffer has the wrong size" };

/// Far over what music reaches (+18 dBFS), and low enough that sums of it stay harmless.
pub(crate) const LOUDEST: f32 = 8.0;

/// A crafted packet may decode to anything; what leaves here is finite and bounded.
fn tame(samples: &mut [f32]) {
    for sample in samples {
        *sample = if sample.is_finite() { sample.clamp(-LOUDEST, LOUDEST) } else { 0.0 };
    }
}

// The pre-allocated sizes above rest on this.
const _: () = assert!(FRAME_SAMPLES * CHANNELS <= MAX_DECODED);
