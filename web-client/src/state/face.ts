/** What the button shows: a word, a line below it, a ring and a kind that colour and shape follow. */

import type { RoomState } from "../network/wire";
import type { Floor } from "./floor";

export type Kind =
  | "idle"
  | "asking"
  | "talking"
  | "warning"
  | "queued"
  | "denied"
  | "revoking"
  | "revoked"
  | "listening"
  | "muted"
  | "offline";

export interface Face {
  readonly kind: Kind;
  readonly word: string;
  readonly hint: string;
  /** The ring: when it is empty and how long it takes from full, ms; null: no time runs. */
  readonly ring: { readonly until: number; readonly totalMs: number } | null;
}

export interface Seen {
  readonly floor: Floor;
  readonly live: boolean;
  /** The desk has muted the own track. */
  readonly muted: boolean;
  readonly latched: boolean;
  /** Who else is heard now. */
  readonly others: readonly string[];
  readonly warningMs: number;
  readonly graceMs: number;
  readonly now: number;
}

export function face(seen: Seen): Face {
  const { floor, now } = seen;
  const { phase } = floor;
  const plain = (kind: Kind, word: string, hint: string): Face => ({ kind, word, hint, ring: null });
  if (!seen.live) return plain("offline", "Offline", floor.key && phase.is === "talking" ? "perhaps still heard" : "nobody hears you");
  if (seen.muted) return plain("muted", "Muted", "by the desk: nobody hears you");
  switch (phase.is) {
    case "asking":
      return plain("asking", "Asking", "speak: it is kept");
    case "queued":
      return plain("queued", `Queued ${phase.position}`, phase.position === 1 ? "you are next" : "release to leave the queue");
    case "denied":
      return plain("denied", "Denied", phase.reason);
    case "revoked":
      return plain("revoked", "Cut off", phase.reason);
    case "revoking":
      return { kind: "revoking", word: "Time is over", hint: "last words", ring: { until: phase.until, totalMs: Math.max(seen.graceMs, 1) } };
    case "talking": {
      const end = seen.latched ? "tap to end" : "release to end";
      if (phase.until === null || phase.totalMs === null) return plain("talking", "On the air", end);
      const warned = phase.warned || phase.until - now <= seen.warningMs;
      return {
        kind: warned ? "warning" : "talking",
        word: warned ? `${secondsOf(phase.until - now)} s left` : "On the air",
        hint: end,
        ring: { until: phase.until, totalMs: Math.max(phase.totalMs, 1) },
      };
    }
    default:
      if (seen.others.length > 0) return plain("listening", "Listening", `to ${listed(seen.others)}`);
      return plain("idle", "Hold to talk", "or tap to keep it on");
  }
}

/** `0:19`, for the time left. */
export function clock(ms: number): string {
  const seconds = secondsOf(ms);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** How full the ring is, 0 to 1. */
export function fullness(ring: NonNullable<Face["ring"]>, now: number): number {
  return Math.min(Math.max((ring.until - now) / ring.totalMs, 0), 1);
}

/** Who has the floor beside oneself, and who is next, by name. */
export function floorNames(room: RoomState, own: string | null): { holders: string[]; next: string | null } {
  const name = (id: string) => room.tracks.find((t) => t.id === id)?.name;
  const holders = room.floor.holders.flatMap((h) => (h.id === own ? [] : (name(h.id) ?? [])));
  const next = room.floor.queue.find((w) => w.id !== own);
  return { holders, next: next === undefined ? null : (name(next.id) ?? null) };
}

/** What a screen reader is told when the state changes; empty where the key itself says it. */
export function spoken(it: Face): string {
  switch (it.kind) {
    case "idle":
    case "asking":
    case "listening":
    case "offline":
      return "";
    case "talking":
      return "You are on the air.";
    case "warning":
      return "Your time is nearly over.";
    case "revoking":
      return "Your time is over.";
    case "muted":
      return "The desk has muted you.";
    default:
      return `${it.word}: ${it.hint}.`;
  }
}

function secondsOf(ms: number): number {
  return Math.max(0, Math.ceil(ms / 1000));
}

function listed(names: readonly string[]): string {
  return names.length <= 2 ? names.join(" and ") : `${names[0]} and ${names.length - 1} more`;
}
