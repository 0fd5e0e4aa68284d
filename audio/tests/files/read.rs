//! Every format that people have comes in at the right level, pitch, length and place.

use std::time::Duration;

use audio::file::{Loop, Reader};
use audio::{FRAME_SAMPLES, Frame};

use crate::tools::{Channel, burst_at, bursts, db, encode, noise, read, sine, tone};

struct Case {
    name: &'static str,
    rate: u32,
    options: &'static [&'static str],
    /// What is not the tone may be this loud, in dB against it.
    rest_db: f64,
}

const fn case(name: &'static str, rate: u32, options: &'static [&'static str], rest_db: f64) -> Case {
    Case { name, rate, options, rest_db }
}

const CASES: [Case; 18] = [
    case("16.wav", 44_100, &["-c:a", "pcm_s16le"], -70.0),
    case("24.wav", 44_100, &["-c:a", "pcm_s24le"], -90.0),
    case("float.wav", 44_100, &["-c:a", "pcm_f32le"], -90.0),
    case("48.wav", 48_000, &["-c:a", "pcm_s16le"], -70.0),
    case("96.wav", 96_000, &["-c:a", "pcm_s24le"], -90.0),
    case("8.wav", 8_000, &["-c:a", "pcm_s16le"], -60.0),
    case("odd.wav", 44_101, &["-c:a", "pcm_s16le"], -70.0),
    case("44.flac", 44_100, &["-c:a", "flac"], -70.0),
    case("48.flac", 48_000, &["-c:a", "flac", "-sample_fmt", "s32"], -90.0),
    case("cbr.mp3", 44_100, &["-c:a", "libmp3lame", "-b:a", "192k"], -40.0),
    case("vbr.mp3", 48_000, &["-c:a", "libmp3lame", "-q:a", "2"], -40.0),
    case("vorbis.ogg", 44_100, &["-c:a", "libvorbis", "-q:a", "6"], -35.0),
    case("48.ogg", 48_000, &["-c:a", "libvorbis", "-q:a", "6"], -35.0),
    case("aac.m4a", 44_100, &["-c:a", "aac", "-b:a", "192k"], -25.0),
    case("fast.m4a", 48_000, &["-c:a", "aac", "-b:a", "192k", "-movflags", "+faststart"], -25.0),
    case("20.opus", 48_000, &["-c:a", "libopus", "-b:a", "128k"], -35.0),
    case("2.5.ogg", 48_000, &["-c:a", "libopus", "-b:a", "192k", "-frame_duration", "2.5"], -30.0),
    case("120.ogg", 48_000, &["-c:a", "libopus", "-b:a", "128k", "-frame_duration", "120"], -35.0),
];

/// Decodes what ffmpeg encoded; the length must be right within a frame.
fn through(case: &Case, channels: &[Channel]) -> ([Channel; 2], bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(case.name);
    encode(channels, case.rate, case.options, &path);
    let seconds = channels[0].len() as f64 / f64::from(case.rate);
    let reader = Reader::open(&path).unwrap();
    let stated = reader.duration().unwrap_or_else(|| panic!("{}: no duration", case.name));
    assert!((stated.as_secs_f64() - seconds).abs() < 0.021, "{}: {stated:?} stated, {seconds} s", case.name);
    assert_eq!(reader.broken_packets(), 0);
    let decoded = read(&path);
    let off = decoded[0].len() as f64 - seconds * 48_000.0;
    assert!(off.abs() <= FRAME_SAMPLES as f64, "{}: {off} samples too many", case.name);
    (decoded, reader.is_mono())
}

/// What lies a little inside the ends, where lossy codecs have settled.
fn inside(channel: &[f32]) -> &[f32] {
    &channel[4_800..channel.len() - 4_800]
}

#[test]
fn every_format_keeps_level_and_pitch_in_each_ear_with_no_gap() {
    for case in &CASES {
        let samples = (case.rate as f64 * 3.217) as usize;
        let channels = [sine(440.0, 0.25, samples, case.rate), sine(1_000.0, 0.125, samples, case.rate)];
        let (decoded, mono) = through(case, &channels);
        assert!(!mono, "{}", case.name);
        for (channel, hertz, level) in [(&decoded[0], 440.0, 0.25), (&decoded[1], 1_000.0, 0.125)] {
            let heard = tone(inside(channel), hertz);
            assert!(db(heard.level / level).abs() < 0.5, "{} {hertz} Hz: {heard:?}", case.name);
            assert!(heard.cents.abs() < 1.0, "{} {hertz} Hz: {heard:?}", case.name);
            assert!(heard.rest_db < case.rest_db, "{} {hertz} Hz: {heard:?}", case.name);
        }
    }
}

#[test]
fn mono_is_the_same_in_both_ears_and_as_loud() {
    for case in &CASES {
        let (decoded, mono) = through(case, &[sine(440.0, 0.25, case.rate as usize * 2, case.rate)]);
        assert!(mono, "{}", case.name);
        assert_eq!(decoded[0], decoded[1], "{}", case.name);
        let heard = tone(inside(&decoded[0]), 440.0);
        assert!(db(heard.level / 0.25).abs() < 0.5 && heard.cents.abs() < 1.0, "{}: {heard:?}", case.name);
        assert!(heard.rest_db < case.rest_db, "{}: {heard:?}", case.name);
    }
}

#[test]
fn sound_is_where_it_was_in_the_original() {
    for case in &CASES {
        let samples = (case.rate as f64 * 2.5) as usize;
        let (decoded, _) = through(case, &[bursts(&[0.25, 1.0, 2.25], samples, case.rate)]);
        for at in [0.25, 1.0, 2.25] {
            let heard = burst_at(&decoded[0], at - 0.1, at + 0.1);
            assert!((heard - at).abs() < 0.000_5, "{}: {heard} s in place of {at}", case.name);
        }
    }
}

#[test]
fn lossless_at_48_khz_is_sample_for_sample_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let original: Vec<f32> =
        noise(7, 2 * 50_001).chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32_768.0).collect();
    for name in ["x.wav", "x.flac"] {
        let path = folder.path().join(name);
        encode(
            &[original.clone(), original.iter().map(|x| -x * 0.5).collect()],
            48_000,
            &["-sample_fmt", "s16"],
            &path,
        );
        let decoded = read(&path);
        assert_eq!(decoded[0].len(), original.len());
        assert!(decoded[0].iter().zip(&original).all(|(a, b)| (a - b).abs() < 1.0 / 32_000.0), "{name}");
    }
}

#[test]
fn five_channels_and_a_subwoofer_are_mixed_down() {
    let folder = tempfile::tempdir().unwrap();
    // Left, right, centre, LFE, left and right surround, each its own tone.
    let pitches = [300.0, 400.0, 500.0, 60.0, 700.0, 800.0];
    let channels: Vec<Channel> = pitches.iter().map(|hertz| sine(*hertz, 0.1, 96_000, 48_000)).collect();
    for name in ["surround.wav", "surround.flac"] {
        let path = folder.path().join(name);
        encode(&channels, 48_000, &["-channel_layout", "5.1"], &path);
        let [left, right] = read(&path);
        let heard = |channel: &Channel, hertz: f64| tone(channel, hertz).level / 0.1;
        assert!((heard(&left, 300.0) - 1.0).abs() < 0.01 && heard(&right, 300.0) < 0.01, "{name}");
        assert!((heard(&right, 400.0) - 1.0).abs() < 0.01 && heard(&left, 400.0) < 0.01, "{name}");
        assert!((heard(&left, 500.0) - 0.707).abs() < 0.01 && (heard(&right, 500.0) - 0.707).abs() < 0.01, "{name}");
        assert!(heard(&left, 60.0) < 0.01 && heard(&right, 60.0) < 0.01, "{name}");
        assert!((heard(&left, 700.0) - 0.707).abs() < 0.01 && heard(&right, 700.0) < 0.01, "{name}");
        assert!((heard(&right, 800.0) - 0.707).abs() < 0.01 && heard(&left, 800.0) < 0.01, "{name}");
    }
}

#[test]
fn opus_gain_in_the_header_is_obeyed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gain.opus");
    encode(&[sine(440.0, 0.5, 96_000, 48_000)], 48_000, &["-c:a", "libopus"], &path);
    let louder = tone(inside(&read(&path)[0]), 440.0).level;
    // −6 dB as Q7.8 at byte 16 of OpusHead, by a muxer that is ours: the page's checksum must fit.
    let mut packets = ogg::PacketReader::new(std::fs::File::open(&path).unwrap());
    let mut out = ogg::PacketWriter::new(Vec::new());
    while let Some(packet) = packets.read_packet().unwrap() {
        let end = match (packet.first_in_stream(), packet.last_in_stream(), packet.last_in_page()) {
            (_, true, _) => ogg::PacketWriteEndInfo::EndStream,
            (true, ..) | (_, _, true) => ogg::PacketWriteEndInfo::EndPage,
            _ => ogg::PacketWriteEndInfo::NormalPacket,
        };
        let (serial, granule, mut data) = (packet.stream_serial(), packet.absgp_page(), packet.data);
        if data.starts_with(b"OpusHead") {
            data[16..18].copy_from_slice(&(-6_i16 * 256).to_le_bytes());
        }
        out.write_packet(data, serial, end, granule).unwrap();
    }
    std::fs::write(&path, out.into_inner()).unwrap();
    let quieter = tone(inside(&read(&path)[0]), 440.0).level;
    assert!((db(quieter / louder) + 6.0).abs() < 0.1, "{louder} then {quieter}");
}

#[test]
fn frames_count_time_and_the_last_is_filled_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    encode(&[vec![0.5; 1_000]], 48_000, &[], &path);
    let mut reader = Reader::open(&path).unwrap();
    assert_eq!(reader.duration(), Some(Duration::from_nanos(20_833_333)));
    assert_eq!(reader.position(), Duration::ZERO);
    let frames: Vec<Frame> = reader.by_ref().map(Result::unwrap).collect();
    assert_eq!(frames.len(), 2);
    assert_eq!(reader.position(), Duration::from_nanos(20_833_333));
    assert!(frames[1].samples()[..80].iter().all(|x| (x - 0.5).abs() < 0.001));
    assert!(frames[1].samples()[80..].iter().all(|x| *x == 0.0));
}

#[test]
fn a_loop_goes_on_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    // 9000 samples are whole turns of 480 Hz; the 360 in the last frame are not.
    encode(&[sine(480.0, 0.25, 9_000, 48_000)], 48_000, &["-c:a", "pcm_f32le"], &path);
    let mut rounds = Loop::new(&path, Reader::open(&path).unwrap());
    let heard: Channel =
        rounds.by_ref().take(100).flat_map(|frame| frame.unwrap().left().collect::<Vec<_>>()).collect();
    assert_eq!(rounds.rounds(), 10);
    let tone = tone(&heard, 480.0);
    assert!(tone.rest_db < -80.0 && tone.cents.abs() < 0.1, "{tone:?}");
}

#[test]
fn beyond_full_scale_and_not_a_number_stay_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    encode(&[vec![1.5, f32::NAN, f32::INFINITY, -1e30, 0.25]], 48_000, &["-c:a", "pcm_f32le"], &path);
    assert_eq!(read(&path)[0], [1.5, 0.0, 0.0, -8.0, 0.25]);
}

#[test]
fn files_can_be_handed_to_another_thread() {
    fn movable<T: Send>() {}
    movable::<Reader>();
    movable::<Loop>();
    movable::<audio::file::Writer>();
    movable::<audio::loudness::Loudness>();
}
