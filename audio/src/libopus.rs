//! libopus behind safe calls, for what crates on top of it do not reach: DRED, on a decoder's own state. The one file with `unsafe` in it.
//!
//! Each state is made by libopus, owned by one value here, and freed with it; every slice is passed
//! with its own length.
#![allow(unsafe_code)]

use std::ffi::{CStr, c_int};
use std::ptr::{self, NonNull};

use opusic_sys as ffi;

use crate::{CHANNELS, OpusError, SAMPLE_RATE};

/// Turns what a function of libopus returned into a count or an error.
fn check(function: &'static str, code: c_int) -> Result<usize, OpusError> {
    usize::try_from(code).map_err(|_| {
        // SAFETY: `opus_strerror` gives a static, terminated string for every code.
        let reason = unsafe { CStr::from_ptr(ffi::opus_strerror(code)) };
        OpusError::Codec { function, reason: reason.to_str().unwrap_or("unknown error") }
    })
}

const NO_MEMORY: c_int = ffi::OPUS_ALLOC_FAIL;

fn made<T>(function: &'static str, at: *mut T, error: c_int) -> Result<NonNull<T>, OpusError> {
    check(function, error)?;
    NonNull::new(at).ok_or_else(|| check(function, NO_MEMORY).expect_err("a negative code is an error"))
}

fn length(function: &'static str, bytes: usize) -> Result<i32, OpusError> {
    i32::try_from(bytes).map_err(|_| OpusError::Codec { function, reason: "more than 2 GB" })
}

/// A stereo decoder at 48 kHz.
#[derive(Debug)]
pub(crate) struct RawDecoder(NonNull<ffi::OpusDecoder>);

// SAFETY: libopus' states have no thread of their own; whoever owns one may use it.
unsafe impl Send for RawDecoder {}

impl RawDecoder {
    pub fn new() -> Result<Self, OpusError> {
        let mut error = 0;
        // SAFETY: `error` outlives the call.
        let at = unsafe { ffi::opus_decoder_create(SAMPLE_RATE as i32, CHANNELS as c_int, &mut error) };
        Ok(Self(made("opus_decoder_create", at, error)?))
    }

    /// Effort, 0 to 10: from 5 on what is lost is guessed by a neural network.
    pub fn set_complexity(&mut self, effort: i32) -> Result<(), OpusError> {
        // SAFETY: this request takes one integer.
        check("OPUS_SET_COMPLEXITY", unsafe {
            ffi::opus_decoder_ctl(self.0.as_ptr(), ffi::OPUS_SET_COMPLEXITY_REQUEST, effort as c_int)
        })?;
        Ok(())
    }

    /// Keeps all that the decoder knows in `state`.
    pub fn save(&self, state: &mut Vec<u8>) {
        // SAFETY: the state is one block of that size, which libopus allows to be copied
        // ("opus_decoder_init"); it is ours and nobody writes to it meanwhile.
        let bytes = unsafe {
            let size = ffi::opus_decoder_get_size(CHANNELS as c_int).max(0) as usize;
            std::slice::from_raw_parts(self.0.as_ptr().cast::<u8>(), size)
        };
        state.clear();
        state.extend_from_slice(bytes);
    }

    /// Knows again what [`Self::save`] of this decoder kept in `state`; nothing happens where that is empty.
    pub fn restore(&mut self, state: &[u8]) {
        // SAFETY: as in `save`, and no more is written than the block holds.
        unsafe {
            let size = ffi::opus_decoder_get_size(CHANNELS as c_int).max(0) as usize;
            if state.len() == size {
                ptr::copy_nonoverlapping(state.as_ptr(), self.0.as_ptr().cast::<u8>(), size);
            }
        }
    }

    /// Decodes a packet, or its copy of what was before it (`fec`), or a guess where it is empty;
    /// returns samples per channel. `out` is interleaved stereo.
    pub fn decode(&mut self, payload: &[u8], out: &mut [f32], fec: bool) -> Result<usize, OpusError> {
        const NAME: &str = "opus_decode_float";
        let data = if payload.is_empty() { ptr::null() } else { payload.as_ptr() };
        let (bytes, frames) = (length(NAME, payload.len())?, length(NAME, out.len() / CHANNELS)?);
        // SAFETY: the state is alive and ours; `data` holds `bytes` or is null with none, and `out`
        // has room for `frames` of stereo.
        check(NAME, unsafe {
            ffi::opus_decode_float(self.0.as_ptr(), data, bytes, out.as_mut_ptr(), frames, c_int::from(fec))
        })
    }

    /// Decodes what lay `before` samples ahead of the packet that `dred` was read from.
    pub fn decode_dred(&mut self, dred: &RawDred, before: usize, out: &mut [f32]) -> Result<usize, OpusError> {
        const NAME: &str = "opus_decoder_dred_decode_float";
        let (before, frames) = (length(NAME, before)?, length(NAME, out.len() / CHANNELS)?);
        // SAFETY: both states are alive, and `out` has room for `frames` of stereo.
        check(NAME, unsafe {
            ffi::opus_decoder_dred_decode_float(self.0.as_ptr(), dred.state.as_ptr(), before, out.as_mut_ptr(), frames)
        })
    }

    pub fn reset(&mut self) -> Result<(), OpusError> {
        // SAFETY: this request takes no argument.
        check("OPUS_RESET_STATE", unsafe { ffi::opus_decoder_ctl(self.0.as_ptr(), ffi::OPUS_RESET_STATE) })?;
        Ok(())
    }
}

impl Drop for RawDecoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_decoder_create`, freed once.
        unsafe { ffi::opus_decoder_destroy(self.0.as_ptr()) }
    }
}

/// What reads the deep redundancy (DRED) out of packets, and what it read last.
#[derive(Debug)]
pub(crate) struct RawDred {
    decoder: NonNull<ffi::OpusDREDDecoder>,
    state: NonNull<ffi::OpusDRED>,
}

// SAFETY: as above.
unsafe impl Send for RawDred {}

impl RawDred {
    pub fn new() -> Result<Self, OpusError> {
        let mut error = 0;
        // SAFETY: `error` outlives the call.
        let at = unsafe { ffi::opus_dred_decoder_create(&mut error) };
        let decoder = made("opus_dred_decoder_create", at, error)?;
        // SAFETY: as above.
        let at = unsafe { ffi::opus_dred_alloc(&mut error) };
        match made("opus_dred_alloc", at, error) {
            Ok(state) => Ok(Self { decoder, state }),
            Err(error) => {
                // SAFETY: made above, and owned by nobody else.
                unsafe { ffi::opus_dred_decoder_destroy(decoder.as_ptr()) };
                Err(error)
            }
        }
    }

    /// Reads the redundancy of a packet as far as `wanted` samples back; returns how far back it
    /// reaches, 0 where there is none, and how many samples right before the packet it leaves out.
    pub fn read(&mut self, payload: &[u8], wanted: usize) -> Result<(usize, usize), OpusError> {
        const NAME: &str = "opus_dred_parse";
        let (bytes, wanted) = (length(NAME, payload.len())?, length(NAME, wanted)?);
        let mut end = 0;
        // SAFETY: both states are alive and ours, `payload` holds `bytes`, `end` outlives the call.
        let reach = check(NAME, unsafe {
            ffi::opus_dred_parse(
                self.decoder.as_ptr(),
                self.state.as_ptr(),
                payload.as_ptr(),
                bytes,
                wanted,
                SAMPLE_RATE as i32,
                &mut end,
                0,
            )
        })?;
        Ok((reach, usize::try_from(end).unwrap_or(0)))
    }
}

impl Drop for RawDred {
    fn drop(&mut self) {
        // SAFETY: made by the matching functions, freed once.
        unsafe {
            ffi::opus_dred_free(self.state.as_ptr());
            ffi::opus_dred_decoder_destroy(self.decoder.as_ptr());
        }
    }
}

/// A stereo encoder for any sound at 48 kHz.
#[derive(Debug)]
pub(crate) struct RawEncoder(NonNull<ffi::OpusEncoder>);

// SAFETY: as above.
unsafe impl Send for RawEncoder {}

/// What can be set on an encoder.
#[derive(Clone, Copy, Debug)]
pub(crate) enum EncoderSetting {
    /// Bits per second.
    Bitrate(i32),
    /// 0 to 10.
    Complexity(i32),
    /// Packets in a hundred.
    ExpectedLoss(i32),
    InbandFec(bool),
    PredictionDisabled(bool),
    /// How far back each packet's deep redundancy reaches, in units of 10 ms, 0 to 104.
    Dred(i32),
    /// Finer steps than Opus has, in the padding of packets (QEXT).
    Extension(bool),
    /// Whether the band above 8 kHz is coded.
    UpperBand(bool),
}

impl RawEncoder {
    /// `is_music`: it has its music mode alone, and with it 4 ms less look-ahead and 111 kB where it had 144.
    pub fn new(is_music: bool) -> Result<Self, OpusError> {
        let application = if is_music { ffi::OPUS_APPLICATION_RESTRICTED_CELT } else { ffi::OPUS_APPLICATION_AUDIO };
        let mut error = 0;
        // SAFETY: `error` outlives the call.
        let at = unsafe { ffi::opus_encoder_create(SAMPLE_RATE as i32, CHANNELS as c_int, application, &mut error) };
        Ok(Self(made("opus_encoder_create", at, error)?))
    }

    /// Encodes interleaved stereo of a length that Opus has frames for; returns bytes.
    pub fn encode(&mut self, samples: &[f32], out: &mut [u8]) -> Result<usize, OpusError> {
        const NAME: &str = "opus_encode_float";
        let (frames, room) = (length(NAME, samples.len() / CHANNELS)?, length(NAME, out.len())?);
        // SAFETY: the state is alive and ours; `samples` holds `frames` of stereo, `out` has `room`.
        check(NAME, unsafe {
            ffi::opus_encode_float(self.0.as_ptr(), samples.as_ptr(), frames, out.as_mut_ptr(), room)
        })
    }

    pub fn set(&mut self, setting: EncoderSetting) -> Result<(), OpusError> {
        let (name, request, value) = match setting {
            EncoderSetting::Bitrate(bps) => ("OPUS_SET_BITRATE", ffi::OPUS_SET_BITRATE_REQUEST, bps),
            EncoderSetting::Complexity(effort) => ("OPUS_SET_COMPLEXITY", ffi::OPUS_SET_COMPLEXITY_REQUEST, effort),
            EncoderSetting::ExpectedLoss(percent) => {
                ("OPUS_SET_PACKET_LOSS_PERC", ffi::OPUS_SET_PACKET_LOSS_PERC_REQUEST, percent)
            }
            EncoderSetting::InbandFec(on) => ("OPUS_SET_INBAND_FEC", ffi::OPUS_SET_INBAND_FEC_REQUEST, i32::from(on)),
            EncoderSetting::PredictionDisabled(off) => {
                ("OPUS_SET_PREDICTION_DISABLED", ffi::OPUS_SET_PREDICTION_DISABLED_REQUEST, i32::from(off))
            }
            EncoderSetting::Dred(units) => ("OPUS_SET_DRED_DURATION", ffi::OPUS_SET_DRED_DURATION_REQUEST, units),
            EncoderSetting::UpperBand(on) => {
                let band = if on { ffi::OPUS_BANDWIDTH_FULLBAND } else { ffi::OPUS_BANDWIDTH_WIDEBAND };
                ("OPUS_SET_BANDWIDTH", ffi::OPUS_SET_BANDWIDTH_REQUEST, band)
            }
            EncoderSetting::Extension(on) => ("OPUS_SET_QEXT", ffi::OPUS_SET_QEXT_REQUEST, i32::from(on)),
        };
        // SAFETY: each of these requests takes one int.
        check(name, unsafe { ffi::opus_encoder_ctl(self.0.as_ptr(), request, value) })?;
        Ok(())
    }

    /// Samples per channel by which what is decoded comes later.
    pub fn lookahead(&mut self) -> Result<usize, OpusError> {
        let mut samples = 0_i32;
        // SAFETY: this request takes a pointer to an int, which outlives the call.
        check("OPUS_GET_LOOKAHEAD", unsafe {
            ffi::opus_encoder_ctl(self.0.as_ptr(), ffi::OPUS_GET_LOOKAHEAD_REQUEST, &mut samples as *mut i32)
        })?;
        Ok(usize::try_from(samples).unwrap_or(0))
    }

    pub fn reset(&mut self) -> Result<(), OpusError> {
        // SAFETY: this request takes no argument.
        check("OPUS_RESET_STATE", unsafe { ffi::opus_encoder_ctl(self.0.as_ptr(), ffi::OPUS_RESET_STATE) })?;
        Ok(())
    }
}

impl Drop for RawEncoder {
    fn drop(&mut self) {
        // SAFETY: made by `opus_encoder_create`, freed once.
        unsafe { ffi::opus_encoder_destroy(self.0.as_ptr()) }
    }
}
