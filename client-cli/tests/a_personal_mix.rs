//! What one listener hears otherwise than the desk says, set from the command line.
#![allow(clippy::unwrap_used)]

mod support;

use audio::{CHANNELS, Decoder, MAX_DECODED};
use serde_json::Value;
use signaling::TrackPatch;
use signaling::client::Listener;
use support::{Server, name, steady_dbfs, write_tone};

/// The level of the tone in each ear, a second of it, after half a second in which ramps end.
async fn hears(listener: &mut Listener) -> [f32; 2] {
    let mut decoder = Decoder::new().unwrap();
    let mut pcm = vec![0.0; MAX_DECODED];
    let mut ears = [Vec::new(), Vec::new()];
    while ears[0].len() < 72_000 {
        let packet = listener.next().await.expect("the connection stays");
        let samples = decoder.decode(&packet.payload, &mut pcm).unwrap();
        for pair in pcm[..samples * CHANNELS].chunks_exact(CHANNELS) {
            ears[0].push(pair[0]);
            ears[1].push(pair[1]);
        }
    }
    ears.map(|ear| steady_dbfs(&ear[24_000..72_000], 1_000.0))
}

/// Throws away what came before now.
async fn from_now_on(listener: &mut Listener) {
    let now = std::time::Instant::now();
    while listener.next().await.expect("the connection stays").arrival < now {}
}

#[test]
fn one_is_turned_down_for_ann_and_not_for_ben() {
    let folder = tempfile::tempdir().unwrap();
    let tone = folder.path().join("tone.wav");
    write_tone(&tone, 48_000, 120, 1_000.0, -20.0);
    let server = Server::start();
    let push = server.spawn(&["push", tone.to_str().unwrap(), "--room", "ears"]);
    let join = |who: &str| {
        server.wait(server.client.join(&name("ears"), Some(who.into()), None, &TrackPatch::default())).unwrap()
    };
    let (mut ann, mut ben) = (join("Ann"), join("Ben"));
    let mix = |arguments: &[&str]| server.run(&[&["mix", "ears", "--for", "Ann"], arguments].concat());
    let mut both = |left: f32, right: f32| {
        let [ann, ben] = server.wait(async {
            let ((), ()) = tokio::join!(from_now_on(&mut ann.listener), from_now_on(&mut ben.listener));
            let (ann, ben) = tokio::join!(hears(&mut ann.listener), hears(&mut ben.listener));
            [ann, ben]
        });
        assert!((ann[0] - left).abs() < 1.0 && (ann[1] - right).abs() < 1.0, "Ann: {ann:?}, not {left}, {right}");
        assert!(ben.iter().all(|level| (level + 20.0).abs() < 1.0), "Ben: {ben:?}");
    };

    both(-20.0, -20.0);
    assert_eq!(mix(&["tone", "--gain", "-12"]).ok(), "volume +0.0 dB\ntone: -12.0 dB\n");
    both(-32.0, -32.0);
    let said = mix(&["tone", "--gain", "0", "--pan", "-0.5", "--volume", "-6"]).ok();
    assert_eq!(said, "volume -6.0 dB\ntone: +0.0 dB, pan -0.50\n");
    // cos and sin of π/8, times √2.
    both(-26.0 + 2.32, -26.0 - 5.33);
    assert_eq!(mix(&["tone", "--mute"]).ok(), "volume -6.0 dB\ntone: +0.0 dB, pan -0.50, muted\n");
    let state: Value = serde_json::from_str(&mix(&["--json"]).ok()).unwrap();
    assert_eq!(state["volume_db"], -6.0);
    let id = ann.publisher.id().to_owned();
    assert_eq!(server.run(&["mix", "ears", "tone", "--reset", "--for", &id, "--volume", "0"]).ok(), "volume +0.0 dB\n");
    let both_again = async |ear: &mut Listener| {
        from_now_on(ear).await;
        hears(ear).await
    };
    let heard = server.wait(both_again(&mut ann.listener));
    assert!(heard.iter().all(|level| (level + 20.0).abs() < 1.0), "{heard:?}");

    mix(&["nobody", "--gain", "0"]).failed(1, &["nobody", "ears"]);
    mix(&["tone"]).failed(2, &["--gain", "--reset"]);
    push.signal("INT");
    push.end().ok();
    server.wait(async {
        ann.publisher.close().await;
        ben.publisher.close().await;
    });
}
