/**
 * The floor as one talker sees it (3GPP TS 24.380 §6.2, the floor participant): the key, what the
 * server says and the time go in; what the button shows and what is to be done come out.
 * `network/talker.ts` does it.
 */

import type { FloorAnswer, FloorEvent, FloorState } from "../network/wire";
import type { Tone } from "./tones";

/** After key-up the microphone stays open so long: what was said is still on its way through it. */
export const TAIL_MS = 150;
/** A refusal is read so long once the key is up. */
export const FADE_MS = 2500;

type Talking = {
  readonly is: "talking";
  /** When the time is over; null without a limit or before the server has said. */
  readonly until: number | null;
  /** The whole time from the grant, ms; null without a limit. */
  readonly totalMs: number | null;
  readonly warned: boolean;
};
type Asking = { readonly is: "asking"; readonly since: number };
type Revoking = { readonly is: "revoking"; readonly reason: string; readonly until: number };

export type Phase =
  | { readonly is: "idle" }
  | Asking
  | Talking
  | { readonly is: "queued"; readonly position: number }
  | { readonly is: "denied"; readonly reason: string; readonly until: number }
  /** The time is over, and the grace in which one is still heard runs. */
  | Revoking
  | { readonly is: "revoked"; readonly reason: string; readonly until: number }
  /** The key is up, the microphone still open. `back`: where a new press goes on. */
  | { readonly is: "tail"; readonly until: number; readonly back: Asking | Talking | Revoking };

export interface Floor {
  /** The key is down or latched, and there is a microphone. */
  readonly key: boolean;
  /** Who talks needs permission. */
  readonly needed: boolean;
  /** The line to the server holds. */
  readonly line: boolean;
  readonly phase: Phase;
  /** Counts requests: what answers an older one is thrown away. */
  readonly asked: number;
  /** From the key to the permission, the last time it was measured, ms. */
  readonly accessMs: number | null;
}

export const AT_REST: Floor = { key: false, needed: false, line: false, phase: { is: "idle" }, asked: 0, accessMs: null };

export type FloorInput =
  | { is: "key"; down: boolean; now: number }
  | { is: "answer"; asked: number; answer: FloorAnswer; now: number }
  /** The request was refused, or no answer can come. */
  | { is: "failed"; asked: number; why: string; now: number }
  /** A patch said something of the floor. */
  | { is: "said"; events: readonly FloorEvent[]; floor: FloorState; own: string | null; graceMs: number; now: number }
  | { is: "needed"; needed: boolean; now: number }
  /** `holds`: the server has this talker among the holders or in the queue. */
  | { is: "line"; up: boolean; holds: boolean; now: number }
  | { is: "time"; now: number };

export type Effect =
  | { do: "open" }
  | { do: "close" }
  | { do: "request"; asked: number }
  | { do: "release" }
  /** The latch goes off. */
  | { do: "spend" }
  | { do: "report"; accessMs: number }
  | { do: "sound"; tone: Tone };

export interface Stepped {
  readonly floor: Floor;
  readonly effects: readonly Effect[];
}

const IDLE: Phase = { is: "idle" };
const OPEN_TALK: Talking = { is: "talking", until: null, totalMs: null, warned: false };

export function step(floor: Floor, input: FloorInput): Stepped {
  switch (input.is) {
    case "key":
      if (input.down === floor.key) return same(floor);
      return input.down ? pressed({ ...floor, key: true }, input.now) : released({ ...floor, key: false }, input.now);
    case "answer":
      return input.asked === floor.asked ? answered(floor, input.answer, input.now) : same(floor);
    case "failed":
      return input.asked === floor.asked ? failed(floor, input.why, input.now) : same(floor);
    case "said":
      return said(floor, input);
    case "needed":
      return input.needed === floor.needed ? same(floor) : ruled({ ...floor, needed: input.needed }, input.now);
    case "line":
      return input.up === floor.line ? same(floor) : lined({ ...floor, line: input.up }, input.holds, input.now);
    case "time":
      return timed(floor, input.now);
  }
}

/** When `time` should come next, or null if nothing waits for it. */
export function wakeAt(floor: Floor): number | null {
  const { phase } = floor;
  if (phase.is === "tail") return phase.until;
  return (phase.is === "denied" || phase.is === "revoked") && !floor.key ? phase.until : null;
}

/** The microphone is let through. */
export function isOpen(phase: Phase): boolean {
  return phase.is !== "idle" && phase.is !== "denied" && phase.is !== "revoked";
}

function same(floor: Floor): Stepped {
  return { floor, effects: [] };
}

function to(floor: Floor, phase: Phase, ...effects: Effect[]): Stepped {
  return { floor: { ...floor, phase }, effects };
}

function sound(tone: Tone): Effect {
  return { do: "sound", tone };
}

/** Opens at once; asks where that is needed, and sends while it asks. */
function begin(floor: Floor, now: number): Stepped {
  if (!floor.needed) return to(floor, OPEN_TALK, { do: "open" });
  const asked = floor.asked + 1;
  return to({ ...floor, asked }, { is: "asking", since: now }, { do: "open" }, { do: "request", asked });
}

function pressed(floor: Floor, now: number): Stepped {
  if (floor.phase.is === "tail") return to(floor, floor.phase.back);
  return floor.line ? begin(floor, now) : same(floor);
}

function released(floor: Floor, now: number): Stepped {
  const { phase } = floor;
  switch (phase.is) {
    case "asking":
    case "talking":
    case "revoking":
      return to(floor, { is: "tail", until: now + TAIL_MS, back: phase });
    case "queued":
      return to(floor, IDLE, { do: "close" }, { do: "release" });
    case "denied":
    case "revoked":
      return to(floor, { ...phase, until: Math.max(phase.until, now + FADE_MS / 2) });
    default:
      return same(floor);
  }
}

function timed(floor: Floor, now: number): Stepped {
  const at = wakeAt(floor);
  if (at === null || now < at) return same(floor);
  if (floor.phase.is !== "tail") return to(floor, IDLE);
  const effects: Effect[] = floor.needed ? [{ do: "close" }, { do: "release" }] : [{ do: "close" }];
  return to(floor, IDLE, ...effects);
}

/** The question that is open, behind a tail too. */
function openQuestion(phase: Phase): Asking | null {
  if (phase.is === "asking") return phase;
  return phase.is === "tail" && phase.back.is === "asking" ? phase.back : null;
}

function answered(floor: Floor, answer: FloorAnswer, now: number): Stepped {
  const question = openQuestion(floor.phase);
  if (answer.answer === "granted") {
    if (question !== null) return granted(floor, question, answer.left_ms, now);
    // The patch came first; the answer knows the time.
    const { phase } = floor;
    if (phase.is === "talking" && answer.left_ms !== undefined) return to(floor, limited(phase, answer.left_ms, now));
    return same(floor);
  }
  if (question !== null && answer.answer === "denied") return denied(floor, answer.reason, now);
  if (question === null || answer.answer !== "queued") return same(floor);
  if (floor.phase.is === "tail") return to(floor, IDLE, { do: "close" }, { do: "release" });
  // It sends on: the server plays the last half second before the grant, and the word is whole.
  return to(floor, { is: "queued", position: answer.position }, sound("queued"));
}

function limited(talking: Talking, leftMs: number | undefined, now: number): Talking {
  if (leftMs === undefined) return talking;
  return { ...talking, until: now + leftMs, totalMs: talking.totalMs ?? leftMs };
}

function granted(floor: Floor, question: Asking, leftMs: number | undefined, now: number): Stepped {
  const accessMs = now - question.since;
  const talking = limited(OPEN_TALK, leftMs, now);
  const known = { ...floor, accessMs };
  const report: Effect = { do: "report", accessMs };
  if (floor.phase.is === "tail") return to(known, { ...floor.phase, back: talking }, report);
  return to(known, talking, report, sound("granted"));
}

function denied(floor: Floor, reason: string, now: number): Stepped {
  return to(floor, { is: "denied", reason, until: now + FADE_MS }, { do: "close" }, { do: "spend" }, sound("denied"));
}

function failed(floor: Floor, why: string, now: number): Stepped {
  if (openQuestion(floor.phase) === null) return same(floor);
  return floor.line ? denied(floor, why, now) : to(floor, IDLE, { do: "close" });
}

function said(floor: Floor, input: Extract<FloorInput, { is: "said" }>): Stepped {
  let stepped = same(floor);
  for (const event of input.events) {
    const next = heard(stepped.floor, event, input);
    stepped = { floor: next.floor, effects: [...stepped.effects, ...next.effects] };
  }
  const { phase } = stepped.floor;
  const place = input.floor.queue.findIndex((waiter) => waiter.id === input.own) + 1;
  if (phase.is !== "queued" || place === 0 || place === phase.position) return stepped;
  return { ...stepped, floor: { ...stepped.floor, phase: { ...phase, position: place } } };
}

function heard(floor: Floor, event: FloorEvent, input: Extract<FloorInput, { is: "said" }>): Stepped {
  const { now, own } = input;
  const { phase } = floor;
  if (event.event === "idle") return same(floor);
  if (event.id !== own) {
    const over = (event.event === "released" || event.event === "revoked") && phase.is === "idle";
    return over ? { floor, effects: [sound("roger")] } : same(floor);
  }
  const leftMs = input.floor.holders.find((holder) => holder.id === own)?.left_ms;
  switch (event.event) {
    case "granted": {
      const question = openQuestion(phase);
      if (question !== null) return granted(floor, question, leftMs, now);
      if (phase.is !== "queued") return same(floor);
      return to(floor, limited(OPEN_TALK, leftMs, now), sound("granted"));
    }
    case "denied":
      return openQuestion(phase) !== null || phase.is === "queued" ? denied(floor, event.reason, now) : same(floor);
    case "unqueued":
      return phase.is === "queued" ? denied(floor, "you were taken out of the queue", now) : same(floor);
    case "warned":
      if (phase.is !== "talking") return same(floor);
      return to(floor, { ...limited(phase, event.left_ms, now), warned: true }, sound("warning"));
    case "revoking":
      if (phase.is !== "talking") return same(floor);
      return to(floor, { is: "revoking", reason: event.reason, until: now + input.graceMs }, sound("revoked"));
    case "revoked":
      return revoked(floor, event.reason, now);
    default:
      return same(floor);
  }
}

function revoked(floor: Floor, reason: string, now: number): Stepped {
  const { phase } = floor;
  switch (phase.is) {
    case "tail":
      return to(floor, IDLE, { do: "close" });
    case "talking":
      return to(floor, { is: "revoked", reason, until: now + FADE_MS }, { do: "close" }, { do: "spend" }, sound("revoked"));
    case "revoking":
    case "queued":
      return to(floor, { is: "revoked", reason, until: now + FADE_MS }, { do: "close" }, { do: "spend" });
    default:
      return same(floor);
  }
}

/** The room has changed its mode, or the desk the track's bus. */
function ruled(floor: Floor, now: number): Stepped {
  if (!floor.key || !floor.line) return same(floor);
  const { phase } = floor;
  if (floor.needed) return phase.is === "talking" ? begin(floor, now) : same(floor);
  return phase.is === "denied" || phase.is === "revoked" ? same(floor) : to(floor, OPEN_TALK, { do: "open" });
}

function lined(floor: Floor, holds: boolean, now: number): Stepped {
  const { phase } = floor;
  if (floor.line) {
    if (phase.is === "denied" || phase.is === "revoked") return same(floor);
    if (floor.key) return begin(floor, now);
    // The release was lost with the line.
    return holds && floor.needed && phase.is !== "tail" ? { floor, effects: [{ do: "release" }] } : same(floor);
  }
  // Who talks is still heard: sound takes its own way.
  if (phase.is === "asking" || phase.is === "queued") return to(floor, IDLE, { do: "close" });
  return same(floor);
}
