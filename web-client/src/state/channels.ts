/** The channels that one listens to, as they are kept; and what was missed in one. */

import { roomNameProblem } from "./names";

/** More than this many sound connections at once help nobody. */
export const CHANNELS_MAX = 8;

export interface Ear {
  /** 0 to 1. */
  readonly volume: number;
  readonly muted: boolean;
}

export const FULL: Ear = { volume: 1, muted: false };

/** What is kept: rooms besides the one in the address, and how loud each room is. */
export interface Kept {
  readonly rooms: readonly string[];
  readonly ears: Readonly<Record<string, Ear>>;
}

export const NOTHING_KEPT: Kept = { rooms: [], ears: {} };

/** Whatever a browser gives back; what cannot be read is left out. */
export function readKept(value: unknown): Kept {
  const it = (typeof value === "object" && value !== null ? value : {}) as { rooms?: unknown; ears?: unknown };
  const rooms = Array.isArray(it.rooms) ? it.rooms.filter((r): r is string => typeof r === "string" && roomNameProblem(r) === null) : [];
  const ears: Record<string, Ear> = {};
  for (const [room, ear] of Object.entries(typeof it.ears === "object" && it.ears !== null ? it.ears : {})) {
    const { volume, muted } = (typeof ear === "object" && ear !== null ? ear : {}) as Partial<Ear>;
    if (typeof volume === "number" && volume >= 0 && volume <= 1 && roomNameProblem(room) === null) {
      ears[room] = { volume, muted: muted === true };
    }
  }
  return { rooms: [...new Set(rooms)], ears };
}

/** The address's room first, then the kept ones. */
export function channelsOf(entry: string, kept: Kept): string[] {
  return [entry, ...kept.rooms.filter((room) => room !== entry)].slice(0, CHANNELS_MAX);
}

/** Why this cannot be added, or null if it can. */
export function addProblem(name: string, rooms: readonly string[]): string | null {
  if (rooms.includes(name)) return `You already listen to ${name}.`;
  if (rooms.length >= CHANNELS_MAX) return `At most ${CHANNELS_MAX} channels at once: remove one first.`;
  return roomNameProblem(name);
}

/** A pause that is shorter belongs to the same burst. */
const PAUSE_MS = 1500;

/** Talk bursts that nobody listened to. */
export interface Missed {
  readonly count: number;
  /** Who talked last. */
  readonly last: string | null;
  readonly talking: boolean;
  /** When the last burst ended. */
  readonly endedAt: number;
}

export const NOTHING_MISSED: Missed = { count: 0, last: null, talking: false, endedAt: Number.NEGATIVE_INFINITY };

/** `names`: who else talks there now. `attended`: it can be heard, and the page is looked at. */
export function hearBurst(missed: Missed, names: readonly string[], attended: boolean, now: number): Missed {
  const talking = names.length > 0;
  if (talking === missed.talking) return missed;
  if (!talking) return { ...missed, talking, endedAt: now };
  if (attended || now - missed.endedAt < PAUSE_MS) return { ...missed, talking };
  return { ...missed, talking, count: missed.count + 1, last: names[0] ?? null };
}

export function attend(missed: Missed): Missed {
  return missed.count === 0 ? missed : { ...missed, count: 0, last: null };
}

/** `80 %`, `muted`. */
export function earText(ear: Ear): string {
  return ear.muted || ear.volume === 0 ? "muted" : `${Math.round(ear.volume * 100)} %`;
}

/** What the ear lets through, 0 to 1. */
export function loudness(ear: Ear): number {
  return ear.muted ? 0 : ear.volume;
}
