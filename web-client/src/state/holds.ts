/**
 * What the own hand holds. While a fader is dragged its own value wins over what the server says;
 * after the release until the server has said the same, or for a second.
 */

import type { TrackState } from "../network/wire";

const PATIENCE_MS = 1000;

export type Control = "gain_db" | "pan" | "muted" | "master_gain_db";

interface Hold {
  readonly value: number | boolean;
  /** When the hand let go; null while it holds. */
  readonly releasedAt: number | null;
}

export type Holds = ReadonlyMap<string, Hold>;

export const NO_HOLDS: Holds = new Map();

function key(id: string, control: Control): string {
  return `${control} ${id}`;
}

/** `id` is empty for the master. */
export function hold(holds: Holds, id: string, control: Control, value: number | boolean): Holds {
  return new Map(holds).set(key(id, control), { value, releasedAt: null });
}

export function letGoOf(holds: Holds, id: string, control: Control, now: number): Holds {
  const own = holds.get(key(id, control));
  return own === undefined ? holds : new Map(holds).set(key(id, control), { ...own, releasedAt: now });
}

/** Drops the hold at once: the server has refused what it asked for. */
export function drop(holds: Holds, id: string, control: Control): Holds {
  if (!holds.has(key(id, control))) return holds;
  const rest = new Map(holds);
  rest.delete(key(id, control));
  return rest;
}

/** The value that the own hand gives a control; undefined where the server's counts. */
export function held(holds: Holds, id: string, control: Control): number | boolean | undefined {
  return holds.get(key(id, control))?.value;
}

/** Drops what was let go of and is now said by the server too, or was never confirmed in time. */
export function settle(
  holds: Holds,
  tracks: readonly TrackState[],
  master_gain_db: number,
  now: number,
): Holds {
  const rest = new Map(holds);
  for (const [k, own] of holds) {
    if (own.releasedAt === null) continue;
    const [control, id = ""] = k.split(" ") as [Control, string?];
    const server = control === "master_gain_db" ? master_gain_db : tracks.find((t) => t.id === id)?.[control];
    if (server === undefined || same(server, own.value) || now - own.releasedAt >= PATIENCE_MS) rest.delete(k);
  }
  return rest.size === holds.size ? holds : rest;
}

function same(a: number | boolean, b: number | boolean): boolean {
  return typeof a === "number" && typeof b === "number" ? Math.abs(a - b) < 0.005 : a === b;
}
