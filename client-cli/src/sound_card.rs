//! Microphone and speaker, behind the feature `live-audio`.

#[cfg(feature = "live-audio")]
#[path = "sound_card/cpal.rs"]
mod implementation;
#[cfg(not(feature = "live-audio"))]
#[path = "sound_card/none.rs"]
mod implementation;

use std::time::{Duration, Instant};

use audio::{FRAME_TIME, Frame, Packet, Playout, PlayoutSettings};
pub use implementation::{Microphone, Speaker};
use signaling::client::Listener;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Frames that wait at the speaker: enough for a tick that comes late.
const QUEUED: usize = 3;

/// Plays what a listener hears until the connection ends or `stop`. The sound card asks for frames
/// at its own pace, so its clock and the server's may drift.
pub async fn hear(listener: &mut Listener, speaker: &mut Speaker, stop: &CancellationToken) {
    let began = Instant::now();
    let mut playout = Playout::new(PlayoutSettings::default());
    let mut frame = Frame::SILENCE;
    let mut ssrc = None;
    let mut ticks = interval(FRAME_TIME / 4);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            packet = listener.next() => {
                let Some(packet) = packet else { return };
                if ssrc.replace(packet.ssrc).is_some_and(|old| old != packet.ssrc) {
                    playout.reset();
                }
                let now = packet.arrival.saturating_duration_since(began);
                playout.insert(
                    Packet { sequence: packet.sequence, timestamp: packet.timestamp, payload: &packet.payload },
                    now,
                );
            }
            _ = ticks.tick() => {
                while speaker.queued() < QUEUED {
                    playout.next(&mut frame, began.elapsed());
                    speaker.play(&frame);
                }
            }
            () = stop.cancelled() => break,
        }
    }
    // What waits at the speaker is still heard.
    tokio::time::sleep(FRAME_TIME * QUEUED as u32 + Duration::from_millis(20)).await;
}
