//! Ogg Opus out: every sample in its place, whatever came or did not, and whole at every moment.

use audio::file::{FILE_SETTINGS, OggOpusWriter, Reader, Writer};
use audio::{Encoder, EncoderSettings, FRAME_SAMPLES, Frame, packet_samples};

use crate::tools::{
    Recording, burst_at, bursts, db, encode, ffmpeg_decode, ffprobe_seconds, frames, read, read_bytes, sine, tone,
};

/// The decoder that we did not write, and ours.
fn decoders(recording: &Recording) -> Vec<(&'static str, [Vec<f32>; 2])> {
    let folder = tempfile::tempdir().unwrap();
    let path = recording.save(&folder.path().join("x.ogg"));
    let ours = read(&path);
    assert!((ffprobe_seconds(&path) - ours[0].len() as f64 / 48_000.0).abs() < 0.021);
    vec![("ffmpeg", ffmpeg_decode(&path)), ("ours", ours)]
}

#[test]
fn frames_come_back_as_long_as_loud_and_where_they_were() {
    let mut left = bursts(&[0.3], 5 * 48_000, 48_000);
    let mut right = left.clone();
    left[48_000..].copy_from_slice(&sine(440.0, 0.25, 4 * 48_000, 48_000));
    right[48_000..].copy_from_slice(&sine(1_000.0, 0.125, 4 * 48_000, 48_000));
    let recording = Recording::default();
    let mut writer = OggOpusWriter::new(recording.clone(), FILE_SETTINGS).unwrap();
    for frame in frames(&left, &right) {
        writer.write(&frame).unwrap();
    }
    assert_eq!(writer.position(), 5 * 48_000);
    writer.finish().unwrap();
    for (who, heard) in decoders(&recording) {
        assert_eq!(heard[0].len(), 5 * 48_000, "{who}");
        assert!((burst_at(&heard[0], 0.2, 0.4) - 0.3).abs() < 0.000_2, "{who}");
        for (channel, hertz, level) in [(&heard[0], 440.0, 0.25), (&heard[1], 1_000.0, 0.125)] {
            let tone = tone(&channel[52_800..235_200], hertz);
            assert!(db(tone.level / level).abs() < 0.5 && tone.cents.abs() < 1.0, "{who}: {tone:?}");
            assert!(tone.rest_db < -35.0, "{who}: {tone:?}");
        }
    }
}

/// Packets of an Opus file that ffmpeg made, its two header packets left out.
fn packets(milliseconds: &str, samples: &[f32]) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.opus");
    let options = ["-c:a", "libopus", "-b:a", "96k", "-frame_duration", milliseconds];
    encode(&[samples.to_vec(), samples.to_vec()], 48_000, &options, &path);
    let mut reader = ogg::PacketReader::new(std::fs::File::open(&path).unwrap());
    let mut packets = Vec::new();
    while let Some(packet) = reader.read_packet().unwrap() {
        packets.push(packet.data);
    }
    packets.split_off(2)
}

#[test]
fn packets_of_every_length_are_kept_as_they_came() {
    for milliseconds in ["2.5", "5", "10", "20", "40", "60", "80", "100", "120"] {
        let packets = packets(milliseconds, &bursts(&[0.5, 1.5], 2 * 48_000, 48_000));
        let recording = Recording::default();
        let mut writer = OggOpusWriter::new(recording.clone(), FILE_SETTINGS).unwrap();
        for packet in &packets {
            writer.packet(packet).unwrap();
        }
        let total: usize = packets.iter().map(|packet| packet_samples(packet).unwrap()).sum();
        assert_eq!(writer.position(), total as u64);
        writer.finish().unwrap();
        for (who, heard) in decoders(&recording) {
            assert_eq!(heard[0].len(), total, "{who}, {milliseconds} ms");
            // Senders of packets under 10 ms look ahead by 2.5 ms and not by the 6.5 that the file states.
            let tolerance = if packet_samples(&packets[0]).unwrap() < 480 { 0.004_5 } else { 0.000_5 };
            for at in [0.5, 1.5] {
                let found = burst_at(&heard[0], at - 0.1, at + 0.1);
                assert!((found - at).abs() < tolerance, "{who}, {milliseconds} ms: {found} in place of {at}");
            }
        }
        let bytes = recording.bytes();
        let mut reader = ogg::PacketReader::new(std::io::Cursor::new(bytes));
        let mut kept = Vec::new();
        while let Some(packet) = reader.read_packet().unwrap() {
            kept.push(packet.data);
        }
        assert_eq!(kept[2..kept.len() - 1], packets, "{milliseconds} ms");
    }
}

#[test]
fn gaps_of_silence_keep_what_follows_in_its_place() {
    let tone_of = |samples| frames(&sine(440.0, 0.25, samples, 48_000), &sine(440.0, 0.25, samples, 48_000));
    let burst = frames(&bursts(&[0.1], 9_600, 48_000), &bursts(&[0.1], 9_600, 48_000));
    // In samples: a DTX pause, one that no packet fits, one of 2 s, one of two minutes.
    let gaps = [19_200_u64, 12_345, 96_000, 6_000_007];
    for as_packets in [true, false] {
        let recording = Recording::default();
        let mut writer = OggOpusWriter::new(recording.clone(), FILE_SETTINGS).unwrap();
        let mut encoder = Encoder::new(EncoderSettings::default()).unwrap();
        let mut payload = [0; 1_276];
        let mut put = |writer: &mut OggOpusWriter<Recording>, frame: &Frame| {
            if as_packets {
                let length = encoder.encode(frame, &mut payload).unwrap();
                writer.packet(&payload[..length]).unwrap();
            } else {
                writer.write(frame).unwrap();
            }
        };
        let mut expected = Vec::new();
        let last = if as_packets { gaps.len() } else { gaps.len() - 1 };
        for gap in &gaps[..last] {
            for frame in tone_of(9_600) {
                put(&mut writer, &frame);
            }
            let before = writer.position();
            writer.silence(*gap).unwrap();
            assert_eq!(writer.position(), before + gap);
            expected.push(writer.position() as f64 / 48_000.0 + 0.1);
            for frame in &burst {
                put(&mut writer, frame);
            }
        }
        let end = writer.position();
        writer.finish().unwrap();
        if as_packets {
            // Silence costs under 15 kB a minute.
            assert!(recording.bytes().len() < 80_000, "{}", recording.bytes().len());
        }
        let heard = read_bytes(recording.bytes(), "gaps.ogg").unwrap();
        assert_eq!(heard[0].len() as u64, end);
        for at in &expected {
            let found = burst_at(&heard[0], at - 0.08, at + 0.08);
            // No packet is shorter than 2.5 ms; what is owed is not lost, so it does not add up.
            assert!((found - at).abs() < 0.002_6, "{found} in place of {at}, as packets: {as_packets}");
        }
        // A codec lets a tone ring on for a frame or two, and has its last 6.5 ms still to say in its next packet.
        let quiet = heard[0][9_600 + 1_920..9_600 + 19_200 - 480].iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!(quiet < 0.001, "a gap is silent, not {quiet}");
    }
}

#[test]
fn lost_packets_are_concealed_and_keep_their_time() {
    let samples = sine(440.0, 0.25, 2 * 48_000, 48_000);
    for milliseconds in ["2.5", "20", "60"] {
        let packets = packets(milliseconds, &samples);
        let recording = Recording::default();
        let mut writer = OggOpusWriter::new(recording.clone(), FILE_SETTINGS).unwrap();
        let mut total = 0;
        for (n, packet) in packets.iter().enumerate() {
            let length = packet_samples(packet).unwrap() as u64;
            total += length;
            // One of ten is lost, and what is known of it is its time alone.
            if n % 10 == 7 { writer.lost(length).unwrap() } else { writer.packet(packet).unwrap() }
        }
        writer.finish().unwrap();
        for (who, heard) in decoders(&recording) {
            assert_eq!(heard[0].len() as u64, total, "{who}, {milliseconds} ms");
        }
        let heard = read_bytes(recording.bytes(), "lost.ogg").unwrap();
        let tone = tone(&heard[0][4_800..90_000], 440.0);
        assert!(db(tone.level / 0.25).abs() < 0.4 && tone.cents.abs() < 1.0, "{milliseconds} ms: {tone:?}");
    }
}

#[test]
fn a_kill_at_any_moment_leaves_a_file_that_opens_and_lacks_half_a_second_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let left = sine(440.0, 0.5, 4 * 48_000, 48_000);
    let recording = Recording::default();
    let mut writer = OggOpusWriter::new(recording.clone(), FILE_SETTINGS).unwrap();
    let mut writes = 1;
    let mut on_disk = 0;
    for frame in frames(&left, &left) {
        writer.write(&frame).unwrap();
        if recording.writes() == writes {
            assert!(writer.position() <= on_disk + 24_000, "{on_disk} of {}", writer.position());
            continue;
        }
        assert_eq!(recording.writes(), writes + 1, "a page is one write");
        writes = recording.writes();
        let [heard, _] = read_bytes(recording.bytes(), "killed.ogg").unwrap();
        assert!(heard.len() + 1_000 >= writer.position() as usize, "{} of {}", heard.len(), writer.position());
        on_disk = heard.len() as u64;
        let tone = tone(&heard[4_800..], 440.0);
        assert!(db(tone.level / 0.5).abs() < 0.5 && tone.cents.abs() < 1.0, "{tone:?}");
        let path = recording.save(&folder.path().join("killed.ogg"));
        assert!((ffprobe_seconds(&path) - heard.len() as f64 / 48_000.0).abs() < 0.021);
        assert!(ffmpeg_decode(&path)[0].len().abs_diff(heard.len()) < 1_000);
    }
    assert!(writes >= 8, "{writes} pages in 4 s");
}

#[test]
fn a_kill_before_the_first_sound_or_inside_a_page_leaves_a_file_that_opens() {
    let recording = Recording::default();
    let mut writer = OggOpusWriter::new(recording.clone(), FILE_SETTINGS).unwrap();
    assert_eq!(read_bytes(recording.bytes(), "new.ogg").unwrap()[0].len(), 0);
    let whole = sine(440.0, 0.5, 48_000, 48_000);
    for frame in frames(&whole, &whole) {
        writer.write(&frame).unwrap();
    }
    let bytes = recording.bytes();
    let [heard, _] = read_bytes(bytes[..bytes.len() - 100].to_vec(), "torn.ogg").unwrap();
    assert!(heard.len() >= 16_000, "{}", heard.len());
}

#[test]
fn what_is_not_opus_is_refused_and_the_file_goes_on() {
    let recording = Recording::default();
    let mut writer = OggOpusWriter::new(recording.clone(), FILE_SETTINGS).unwrap();
    for bad in [&b""[..], b"\x99\x01", b"\x9b\x00", b"\xff\xff\xff\xff"] {
        assert!(writer.packet(bad).is_err());
    }
    assert_eq!(writer.position(), 0);
    writer.packet(&[0xFC, 0xFF, 0xFE]).unwrap();
    writer.finish().unwrap();
    assert_eq!(read_bytes(recording.bytes(), "x.ogg").unwrap()[0].len(), FRAME_SAMPLES);
}

#[test]
fn the_writer_by_name_makes_ogg_opus() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["x.ogg", "x.opus"] {
        let path = folder.path().join(name);
        let mut writer = Writer::create(&path).unwrap();
        writer.silence_until(30_000).unwrap();
        writer.write(&Frame::SILENCE).unwrap();
        assert_eq!(writer.position(), 30_960);
        writer.finish().unwrap();
        assert_eq!(read(&path)[0].len(), 30_960);
        assert!((Reader::open(&path).unwrap().duration().unwrap().as_secs_f64() - 0.645).abs() < 0.001);
    }
}
