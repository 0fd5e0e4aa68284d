/** What is heard and felt when the floor changes hands: short, and told apart with eyes closed. */

export type Tone = "granted" | "denied" | "queued" | "warning" | "revoked" | "roger" | "alert";

/** One beep: frequency, when it starts and how long it lasts. */
export interface Beep {
  readonly hz: number;
  readonly atMs: number;
  readonly forMs: number;
}

/** Up: go. Down: no. The same again: wait. Fast: hurry. */
const BEEPS: Record<Tone, readonly Beep[]> = {
  granted: [
    { hz: 880, atMs: 0, forMs: 45 },
    { hz: 1320, atMs: 55, forMs: 60 },
  ],
  denied: [
    { hz: 330, atMs: 0, forMs: 120 },
    { hz: 247, atMs: 130, forMs: 180 },
  ],
  queued: [
    { hz: 660, atMs: 0, forMs: 60 },
    { hz: 660, atMs: 120, forMs: 60 },
  ],
  warning: [
    { hz: 1100, atMs: 0, forMs: 50 },
    { hz: 1100, atMs: 90, forMs: 50 },
    { hz: 1100, atMs: 180, forMs: 50 },
  ],
  revoked: [
    { hz: 440, atMs: 0, forMs: 90 },
    { hz: 330, atMs: 100, forMs: 90 },
    { hz: 247, atMs: 200, forMs: 160 },
  ],
  roger: [{ hz: 1480, atMs: 0, forMs: 55 }],
  alert: [
    { hz: 784, atMs: 0, forMs: 140 },
    { hz: 1047, atMs: 160, forMs: 140 },
    { hz: 784, atMs: 340, forMs: 140 },
    { hz: 1047, atMs: 500, forMs: 200 },
  ],
};

/** On and off in turn, ms, as `navigator.vibrate` takes it; empty: nothing is felt. */
const BUZZES: Record<Tone, readonly number[]> = {
  granted: [35],
  denied: [120, 60, 120],
  queued: [20, 80, 20],
  warning: [60, 40, 60, 40, 60],
  revoked: [200],
  roger: [],
  alert: [200, 100, 200, 100, 400],
};

export function beepsOf(tone: Tone): readonly Beep[] {
  return BEEPS[tone];
}

export function buzzOf(tone: Tone): readonly number[] {
  return BUZZES[tone];
}
