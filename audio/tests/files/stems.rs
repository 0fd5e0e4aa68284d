//! The demo's stems are what the demo needs: 16 s, −6 dBFS, and no click where they begin again.

use std::path::Path;

use audio::file::{Loop, Reader};

use crate::tools::{Channel, db, read, succeed};

fn jolt(channel: &[f32], at: usize) -> f32 {
    // A click is a bend, not a slope: the second difference.
    (channel[at + 1] - 2.0 * channel[at] + channel[at - 1]).abs()
}

#[test]
fn the_stems_loop_without_a_click() {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../demo/stems.py");
    let folder = tempfile::tempdir().unwrap();
    succeed("python3", &[script.to_str().unwrap(), folder.path().to_str().unwrap()], &[]);
    for (name, mono) in [("drums.wav", true), ("bass.wav", true), ("keys.wav", false)] {
        let path = folder.path().join(name);
        let reader = Reader::open(&path).unwrap();
        assert_eq!(reader.is_mono(), mono, "{name}");
        assert_eq!(reader.duration().unwrap().as_secs(), 16, "{name}");
        let peak = read(&path).iter().flatten().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        assert!((db(f64::from(peak)) + 6.0).abs() < 0.1, "{name}: peak {peak}");

        let twice: Vec<_> = Loop::new(&path, reader).take(1_600).map(Result::unwrap).collect();
        let left: Channel = twice.iter().flat_map(|frame| frame.left().collect::<Vec<_>>()).collect();
        assert_eq!(left[..768_000], left[768_000..], "{name}");
        let mut jolts: Vec<f32> = (1..767_999).map(|at| jolt(&left, at)).collect();
        jolts.sort_by(f32::total_cmp);
        let usual = jolts[jolts.len() * 99 / 100];
        let seam = jolt(&left, 767_999).max(jolt(&left, 768_000));
        assert!(seam <= usual, "{name}: {seam} at the seam, {usual} elsewhere");
    }
}
