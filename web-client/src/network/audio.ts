/** The page's one audio context: it measures the microphone and plays tones to the speaker. Nothing
 * in it leads from the one to the other, so no tone is ever sent. */

import { beepsOf, buzzOf, type Tone } from "../state/tones";

const TONE_DBFS = -20;
/** Beeps start and end within this, so that they do not click. */
const EDGE_S = 0.006;

let shared: AudioContext | null = null;

/** Made at the first use, which is behind a click. */
export function audioContext(): AudioContext {
  shared ??= new AudioContext({ latencyHint: "interactive" });
  if (shared.state === "suspended") void shared.resume();
  return shared;
}

export function playTone(tone: Tone): void {
  const context = audioContext();
  const start = context.currentTime + 0.005;
  for (const { hz, atMs, forMs } of beepsOf(tone)) {
    const from = start + atMs / 1000;
    const to = from + forMs / 1000;
    const oscillator = new OscillatorNode(context, { frequency: hz });
    const gain = new GainNode(context, { gain: 0 });
    gain.gain.setValueAtTime(0, from);
    gain.gain.linearRampToValueAtTime(10 ** (TONE_DBFS / 20), from + EDGE_S);
    gain.gain.setValueAtTime(10 ** (TONE_DBFS / 20), to - EDGE_S);
    gain.gain.linearRampToValueAtTime(0, to);
    oscillator.connect(gain).connect(context.destination);
    oscillator.start(from);
    oscillator.stop(to);
  }
}

export function vibrate(tone: Tone): void {
  const pattern = buzzOf(tone);
  // iPhones have no `vibrate`, whatever the types say.
  if (pattern.length > 0 && "vibrate" in navigator) navigator.vibrate([...pattern]);
}

/** Tones come out of this speaker too, where the browser lets one choose. */
export function toneSpeaker(deviceId: string): void {
  const context = shared as (AudioContext & { setSinkId?: (id: string) => Promise<void> }) | null;
  // A speaker that is gone is said by who plays the mix.
  context?.setSinkId?.(deviceId).catch(() => {});
}
