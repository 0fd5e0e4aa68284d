//! WAV out: right in every sample, and whole at every moment.

use std::io::{self, Seek, SeekFrom, Write};

use audio::file::{Depth, Reader, WavWriter, WriteError, Writer};
use audio::{FRAME_SAMPLES, Frame};

use crate::tools::{
    Recording, db, ffmpeg_decode, ffprobe_seconds, frames, read, read_bytes, sine, slurp, sox_samples, succeed, tone,
};

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (left, right) = (sine(440.0, 0.5, 96_000, 48_000), sine(1_000.0, 0.25, 96_000, 48_000));
    for (depth, step) in [(Depth::Bits16, 1.0 / 32_768.0), (Depth::Bits24, 1.0 / 8_388_608.0)] {
        let recording = Recording::default();
        let mut writer = WavWriter::new(recording.clone(), depth).unwrap();
        for frame in frames(&left, &right) {
            writer.write(&frame).unwrap();
        }
        assert_eq!(writer.position(), 96_000);
        writer.finish().unwrap();
        let path = recording.save(&folder.path().join("x.wav"));
        for decoded in [read(&path), ffmpeg_decode(&path)] {
            assert_eq!(decoded[0].len(), 96_000);
            let exact = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 0.51 * step);
            assert!(exact(&decoded[0], &left) && exact(&decoded[1], &right), "{depth:?}");
        }
        assert_eq!(sox_samples(&path), 96_000);
        assert!((ffprobe_seconds(&path) - 2.0).abs() < 1e-6);
    }
}

#[test]
fn too_loud_is_held_at_full_scale_and_never_wraps() {
    let loud = sine(440.0, 4.0, 48_000, 48_000);
    for (depth, top) in [(Depth::Bits16, 32_767.0 / 32_768.0), (Depth::Bits24, 8_388_607.0 / 8_388_608.0)] {
        let recording = Recording::default();
        let mut writer = WavWriter::new(recording.clone(), depth).unwrap();
        for frame in frames(&loud, &loud) {
            writer.write(&frame).unwrap();
        }
        let mut strange = Frame::SILENCE;
        strange.samples_mut()[..6].copy_from_slice(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.0, -1.0, 1e30]);
        writer.write(&strange).unwrap();
        writer.finish().unwrap();
        let [left, right] = read_bytes(recording.bytes(), "x.wav").unwrap();
        for (heard, meant) in left.iter().zip(&loud) {
            assert!((heard - meant.clamp(-1.0, top)).abs() < 1.0 / 32_768.0, "{heard} in place of {meant}");
        }
        assert_eq!([left[48_000], right[48_000], left[48_001], right[48_001]], [0.0, top, -1.0, top]);
        assert_eq!([left[48_002], right[48_002]], [-1.0, top]);
    }
}

#[test]
fn a_kill_at_any_moment_leaves_a_file_that_opens_and_lacks_half_a_second_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let left = sine(440.0, 0.5, 4 * 48_000, 48_000);
    let recording = Recording::default();
    let mut writer = WavWriter::new(recording.clone(), Depth::Bits16).unwrap();
    for (n, frame) in frames(&left, &left).iter().enumerate() {
        writer.write(frame).unwrap();
        let written = writer.position() as usize;
        let [heard, _] = read_bytes(recording.bytes(), "killed.wav").unwrap();
        assert!(heard.len() + 24_000 >= written, "{} of {written}", heard.len());
        assert!(heard.iter().zip(&left).all(|(a, b)| (a - b).abs() < 1e-4));
        if n % 23 == 0 {
            let path = recording.save(&folder.path().join("killed.wav"));
            assert_eq!(sox_samples(&path), heard.len());
            let probed = if heard.is_empty() { 0.0 } else { ffprobe_seconds(&path) };
            assert!((probed * 48_000.0 - heard.len() as f64).abs() < 24_001.0, "{probed} s of {written}");
            assert!(ffmpeg_decode(&path)[0].len() + 24_000 >= written);
        }
    }
}

#[test]
fn silence_keeps_the_place_to_the_sample() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    let mut writer = Writer::create(&path).unwrap();
    let mut click = Frame::SILENCE;
    click.samples_mut()[0] = 0.5;
    for at in [0, 1_234, 48_001, 200_000] {
        writer.silence_until(at).unwrap();
        writer.silence_until(at).unwrap();
        assert_eq!(writer.position(), at);
        writer.write(&click).unwrap();
    }
    writer.finish().unwrap();
    let [left, _] = read(&path);
    let clicks: Vec<usize> = (0..left.len()).filter(|n| left[*n] > 0.4).collect();
    assert_eq!(clicks, [0, 1_234, 48_001, 200_000]);
    assert_eq!(left.len(), 200_000 + FRAME_SAMPLES);
}

#[test]
fn beyond_the_limit_of_riff_it_is_rf64_that_everybody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let left = sine(440.0, 0.5, 4 * 48_000, 48_000);
    let recording = Recording::default();
    let mut writer = WavWriter::with_riff_limit(recording.clone(), Depth::Bits16, 300_000).unwrap();
    for frame in frames(&left, &left) {
        writer.write(&frame).unwrap();
        let [heard, _] = read_bytes(recording.bytes(), "killed.wav").unwrap();
        assert!(heard.len() + 24_000 >= writer.position() as usize);
    }
    writer.finish().unwrap();
    let path = recording.save(&folder.path().join("x.wav"));
    assert!(slurp(&path).starts_with(b"RF64\xff\xff\xff\xffWAVEds64"));
    let [heard, _] = read(&path);
    assert_eq!(heard.len(), left.len());
    let tone = tone(&heard, 440.0);
    assert!(db(tone.level / 0.5).abs() < 0.01 && tone.rest_db < -80.0, "{tone:?}");
    assert!((Reader::open(&path).unwrap().duration().unwrap().as_secs_f64() - 4.0).abs() < 1e-6);
    assert!((ffprobe_seconds(&path) - 4.0).abs() < 1e-6);
    assert_eq!(sox_samples(&path), left.len());
}

/// Keeps the header and counts the rest.
struct Bottomless {
    head: [u8; 80],
    at: u64,
    end: u64,
}

impl Write for Bottomless {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for (n, byte) in bytes.iter().enumerate().take(80_usize.saturating_sub(self.at as usize)) {
            self.head[self.at as usize + n] = *byte;
        }
        self.at += bytes.len() as u64;
        self.end = self.end.max(self.at);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Bottomless {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let SeekFrom::Start(at) = to else { return Err(io::ErrorKind::Unsupported.into()) };
        self.at = at;
        Ok(at)
    }
}

#[test]
fn the_header_is_right_on_both_sides_of_4_gib() {
    let header = |samples: u64| {
        let mut writer = WavWriter::new(Bottomless { head: [0; 80], at: 0, end: 0 }, Depth::Bits16).unwrap();
        writer.silence(samples).unwrap();
        let sink = writer.finish().unwrap();
        assert_eq!(sink.end, 80 + samples * 4);
        sink.head
    };
    let le32 = |head: &[u8; 80], at: usize| u32::from_le_bytes(head[at..at + 4].try_into().unwrap());
    let le64 = |head: &[u8; 80], at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
    let last = (u64::from(u32::MAX) - 80) / 4;
    let small = header(last);
    assert_eq!(&small[..4], b"RIFF");
    assert_eq!((le32(&small, 4), le32(&small, 76)), ((last * 4 + 72) as u32, (last * 4) as u32));
    let large = header(last + 1);
    assert_eq!(&large[..16], b"RF64\xff\xff\xff\xffWAVEds64");
    let data = (last + 1) * 4;
    assert_eq!((le64(&large, 20), le64(&large, 28), le64(&large, 36)), (data + 72, data, last + 1));
    assert_eq!(le32(&large, 76), u32::MAX);
}

#[test]
fn an_ending_that_is_not_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |name: &str| Writer::create(folder.path().join(name)).err().unwrap();
    assert!(matches!(refusal("x.mp3"), WriteError::Extension { extension: Some(name), .. } if name == "mp3"));
    assert!(refusal("x.mp3").to_string().ends_with("files that end in .mp3 are not written here (.wav or .ogg)"));
    assert!(refusal("x").to_string().contains("which format"));
    assert!(refusal("no/such/x.wav").to_string().contains("there is no such file or folder"));
    std::fs::create_dir(folder.path().join("d.ogg")).unwrap();
    assert!(refusal("d.ogg").to_string().contains("d.ogg: "));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    Writer::create(folder.path().join("X.WAV")).unwrap().finish().unwrap();
}

#[test]
fn sox_finds_nothing_to_warn_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    let mut writer = Writer::create(&path).unwrap();
    writer.silence_until(48_000).unwrap();
    writer.finish().unwrap();
    let quiet = succeed("sox", &["-V2", path.to_str().unwrap(), "-n", "stat"], &[]);
    assert!(quiet.is_empty());
}
