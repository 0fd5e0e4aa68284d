//! What is not a whole sound file gets one clear line, or plays up to where it is cut. Nothing panics.

use std::path::Path;

use audio::file::Reader;

use crate::tools::{db, encode, noise, read_bytes, sine, slurp, tone};

/// The message for a file; it names the file and fits on one line.
fn refusal(path: &Path) -> String {
    let message = match Reader::open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error.to_string(),
    };
    assert!(message.starts_with(&path.display().to_string()), "{message}");
    assert!(!message.contains('\n') && message.len() < 300, "{message}");
    message
}

#[test]
fn what_is_not_audio_is_refused_in_one_line_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        refusal(&path)
    };
    assert!(file("empty.wav", b"").contains("is empty"));
    assert!(file("one.wav", b"R").contains("not audio"));
    assert!(file("text.txt", b"Dear sir, this is not a sound.\n".repeat(100).as_slice()).contains("not audio"));
    assert!(file("page.html", b"<!doctype html><title>404</title>".repeat(50).as_slice()).contains("not audio"));
    assert!(file("zeros.mp3", &[0; 100_000]).contains("not audio"));
    assert!(file("ones.mp3", &[0xFF; 100_000]).contains("not audio"));
    assert!(
        file("picture.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\x06\0\0\0").contains("not audio")
    );
    assert!(file("head.wav", b"RIFF\x24\0\0\0WAVE").contains("not audio"));
    assert!(
        file("no-data.wav", b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0\0\x77\x01\0\x02\0\x10\0")
            .contains("not audio")
    );
    assert!(refusal(folder.path()).contains("is a folder"));
    assert!(refusal(&folder.path().join("missing.wav")).contains("there is no such file"));
    for seed in 0..40 {
        let message = file("noise.bin", &noise(seed, 60_000));
        assert!(message.contains("not audio"), "seed {seed}: {message}");
    }
}

#[test]
fn a_sample_rate_out_of_this_world_is_named() {
    let mut wav = b"RIFF\x2c\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wav.extend(4_000_000_000_u32.to_le_bytes());
    wav.extend(8_000_000_000_u64.to_le_bytes()[..4].iter());
    wav.extend(b"\x02\0\x10\0data\x08\0\0\0\x01\x02\x03\x04\x05\x06\x07\x08");
    let message = read_bytes(wav, "fast.wav").unwrap_err().to_string();
    assert!(message.contains("fast.wav") && message.contains("4000000000 Hz"), "{message}");
}

const FORMATS: [(&str, &[&str]); 7] = [
    ("x.wav", &["-c:a", "pcm_s16le"]),
    ("x.flac", &["-c:a", "flac"]),
    ("x.mp3", &["-c:a", "libmp3lame", "-b:a", "128k"]),
    ("x.ogg", &["-c:a", "libvorbis"]),
    ("x.opus", &["-c:a", "libopus"]),
    ("x.m4a", &["-c:a", "aac", "-movflags", "+faststart"]),
    ("x.aac", &["-c:a", "aac"]),
];

#[test]
fn a_file_cut_short_plays_up_to_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options) in FORMATS {
        let path = folder.path().join(name);
        // With some noise, or half of an Ogg Vorbis file of a sine is headers.
        let mut original = sine(440.0, 0.25, 4 * 44_100, 44_100);
        for (sample, dice) in original.iter_mut().zip(noise(5, 4 * 44_100)) {
            *sample += (f32::from(dice) / 128.0 - 1.0) * 0.02;
        }
        encode(&[original], 44_100, options, &path);
        let mut bytes = slurp(&path);
        bytes.truncate(bytes.len() / 2 + 3);
        let [left, _] = read_bytes(bytes, name).unwrap();
        let seconds = left.len() as f64 / 48_000.0;
        // Ogg is heard in whole pages, here of a second.
        assert!((0.95..2.1).contains(&seconds), "{name}: {seconds} s");
        let heard = tone(&left[4_800..left.len() - 2_400], 440.0);
        assert!(db(heard.level / 0.25).abs() < 0.5 && heard.cents.abs() < 1.0, "{name}: {heard:?}");
    }
}

#[test]
fn a_wav_cut_short_loses_no_sample_before_the_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    encode(&[sine(440.0, 0.25, 48_000, 48_000)], 48_000, &["-c:a", "pcm_s16le"], &path);
    let bytes = slurp(&path);
    let head = bytes.len() - 96_000;
    for samples in [1, 1_151, 1_152, 1_153, 20_000] {
        // And half of one more.
        let [left, _] = read_bytes(bytes[..head + samples * 2 + 1].to_vec(), "cut.wav").unwrap();
        assert_eq!(left.len(), samples);
    }
}

#[test]
fn a_wav_from_a_pipe_with_no_sizes_plays_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    encode(&[sine(440.0, 0.25, 48_123, 48_000)], 48_000, &["-c:a", "pcm_s16le", "-bitexact"], &path);
    for unset in [0xFFFF_FFFF_u32, 0] {
        let mut bytes = slurp(&path);
        bytes[4..8].copy_from_slice(&unset.to_le_bytes());
        bytes[40..44].copy_from_slice(&unset.to_le_bytes());
        let [left, _] = read_bytes(bytes, "pipe.wav").unwrap();
        assert_eq!(left.len(), 48_123);
    }
}

#[test]
fn damaged_files_never_panic_nor_run_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut opened, mut refused) = (0, 0);
    for (name, options) in FORMATS {
        let path = folder.path().join(name);
        encode(&[sine(440.0, 0.25, 22_050, 44_100)], 44_100, options, &path);
        let whole = slurp(&path);
        for seed in 0..150 {
            let mut bytes = whole.clone();
            let dice = noise(seed, 64);
            // Half of the damage in the first 200 bytes, where the structure is.
            for hit in dice[1..].chunks_exact(4).take(1 + seed as usize % 12) {
                let at = usize::from(u16::from_le_bytes([hit[0], hit[1]]));
                let range = if hit[2] & 1 == 0 { 200.min(bytes.len()) } else { bytes.len() };
                bytes[at % range] = hit[3];
            }
            if seed % 3 == 0 {
                bytes.truncate(bytes.len() * usize::from(dice[0]) / 256);
            }
            match read_bytes(bytes, name) {
                Ok([left, right]) => {
                    opened += 1;
                    assert_eq!(left.len(), right.len());
                    assert!(left.len() < 200 * 48_000, "{name}, seed {seed}: {} samples", left.len());
                    assert!(left.iter().chain(&right).all(|x| x.abs() <= 16.0), "{name}, seed {seed}");
                }
                Err(error) => {
                    refused += 1;
                    assert!(!error.to_string().contains('\n'), "{error}");
                }
            }
        }
    }
    assert!(opened > 250 && refused > 100, "{opened} opened, {refused} refused");
}
