//! The client for programs in full duplex, as `mixminus talk` uses it with a sound card.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use audio::{CHANNELS, Decoder, Encoder, EncoderSettings, FRAME_SAMPLES, FRAME_TIME, Frame, MAX_DECODED, MAX_ENCODED};
use bytes::Bytes;
use signaling::TrackPatch;
use signaling::client::{Client, State};
use support::{Server, name, steady_dbfs};
use tokio::sync::Barrier;
use tokio::time::{Instant, interval};

const TALK: usize = 125;
/// So many frames of the other are listened to: the mixer may keep the last ones in its buffers.
const HEAR: usize = 100;

/// Sends two and a half seconds of a tone once all have joined, and returns the left channel of what came back meanwhile.
async fn converse(client: Client, talker: &str, frequency_hz: f32, joined: &Barrier, strip: TrackPatch) -> Vec<f32> {
    let mut duplex = client.join(&name("duo"), Some(talker.into()), None, &strip).await.unwrap();
    assert_eq!(*duplex.publisher.state().borrow(), State::Connected);
    joined.wait().await;
    let say = async {
        let mut encoder = Encoder::new(EncoderSettings { bitrate_bps: 128_000, ..Default::default() }).unwrap();
        let mut ticks = interval(FRAME_TIME);
        let mut packet = [0; MAX_ENCODED];
        for frame in 0..TALK {
            ticks.tick().await;
            let length = encoder.encode(&tone(frequency_hz, frame), &mut packet).unwrap();
            let payload = Bytes::copy_from_slice(&packet[..length]);
            duplex.publisher.send(payload, FRAME_SAMPLES as u32).await.unwrap();
        }
    };
    let hear = async {
        let mut decoder = Decoder::new().unwrap();
        let mut pcm = vec![0.0; MAX_DECODED];
        let mut heard = Vec::new();
        while heard.len() < HEAR * FRAME_SAMPLES {
            let packet = duplex.listener.next().await.expect("the connection stays");
            let samples = decoder.decode(&packet.payload, &mut pcm).unwrap();
            heard.extend(pcm[..samples * CHANNELS].chunks_exact(CHANNELS).map(|pair| pair[0]));
        }
        heard
    };
    let ((), heard) = tokio::join!(say, hear);
    duplex.publisher.close().await;
    heard
}

fn tone(frequency_hz: f32, frame: usize) -> Frame {
    let mut samples = Frame::SILENCE;
    for (at, pair) in samples.samples_mut().chunks_exact_mut(CHANNELS).enumerate() {
        let seconds = (frame * FRAME_SAMPLES + at) as f64 / 48_000.0;
        pair.fill((0.1 * (std::f64::consts::TAU * f64::from(frequency_hz) * seconds).sin()) as f32);
    }
    samples
}

#[test]
fn two_programs_talk_and_neither_hears_itself() {
    let server = Server::start();
    let joined = Barrier::new(2);
    let softer = TrackPatch { gain_db: Some(-6.0), ..Default::default() };
    let (ada, bob) = server.wait(async {
        tokio::join!(
            converse(server.client.clone(), "Ada", 500.0, &joined, TrackPatch::default()),
            converse(server.client.clone(), "Bob", 1_500.0, &joined, softer),
        )
    });
    let level = |heard: &[f32], frequency_hz| steady_dbfs(&heard[24_000..96_000], frequency_hz);
    let ada_hears = level(&ada, 1_500.0);
    assert!((ada_hears + 26.0).abs() < 0.7, "Ada hears Bob at {ada_hears} dBFS");
    let bob_hears = level(&bob, 500.0);
    assert!((bob_hears + 20.0).abs() < 0.7, "Bob hears Ada at {bob_hears} dBFS");
    for (who, heard, own) in [("Ada", &ada, 500.0), ("Bob", &bob, 1_500.0)] {
        let level = level(heard, own);
        assert!(level < -60.0, "{who} hears itself at {level} dBFS");
    }
}

#[test]
fn a_talker_who_is_sent_away_is_told_at_once() {
    let server = Server::start();
    let (reason, took) = server.wait(async {
        let duplex = server.client.join(&name("duo"), None, None, &TrackPatch::default()).await.unwrap();
        let mut state = duplex.publisher.state();
        let id = duplex.publisher.id().parse().unwrap();
        let asked = Instant::now();
        server.client.remove_track(&name("duo"), &id).await.unwrap();
        let ended = state.wait_for(|state| matches!(state, State::Ended(_))).await.unwrap().clone();
        (ended, asked.elapsed())
    });
    assert_eq!(reason, State::Ended("the server hung up".into()));
    assert!(took < Duration::from_secs(3), "after {took:?}");
}
