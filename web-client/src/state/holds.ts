/**
 * What the own hand holds. While a fader is dragged its own value wins over what the server says;
 * after the release until the server has said the same, or for a second.
 */

import type { RoomSettings, RoomState } from "../network/wire";

const PATIENCE_MS = 1000;

/** What a hand can move: of a strip, or of the room (`id` is empty then). */
export type StripControl = "gain_db" | "pan" | "muted" | "name" | "bus" | "group" | "auto_gain" | "denoise";
export type RoomControl = keyof RoomSettings;
export type Control = StripControl | RoomControl;
export type Value = number | boolean | string;

const ROOM_CONTROLS: Readonly<Record<RoomControl, true>> = {
  mode: true,
  master_gain_db: true,
  frame_ms: true,
  floor_holders: true,
  floor_queue: true,
  floor_talk_ms: true,
  floor_warning_ms: true,
  floor_grace_ms: true,
  floor_preemption: true,
  duck_db: true,
  duck_attack_ms: true,
  duck_hold_ms: true,
  duck_release_ms: true,
  dim_db: true,
};

export function isOfRoom(control: Control): control is RoomControl {
  return control in ROOM_CONTROLS;
}

/** What the server says of a control; undefined when the track is gone. */
export function valueOf(room: RoomState, id: string, control: Control): Value | undefined {
  if (isOfRoom(control)) return room[control];
  const track = room.tracks.find((t) => t.id === id);
  // A strip with no group is in the group with no name: that is how one takes it out.
  return track === undefined ? undefined : (track[control] ?? (control === "group" ? "" : undefined));
}

interface Hold {
  readonly value: Value;
  /** When the hand let go; null while it holds. */
  readonly releasedAt: number | null;
}

export type Holds = ReadonlyMap<string, Hold>;

export const NO_HOLDS: Holds = new Map();

/** The name of one control of one strip. */
export function key(id: string, control: Control): string {
  return `${control} ${id}`;
}

/** `id` is empty for the master. */
export function hold(holds: Holds, id: string, control: Control, value: Value): Holds {
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
export function held(holds: Holds, id: string, control: Control): Value | undefined {
  return holds.get(key(id, control))?.value;
}

/** Drops what was let go of and is now said by the server too, or was never confirmed in time. */
export function settle(holds: Holds, room: RoomState, now: number): Holds {
  const rest = new Map(holds);
  for (const [k, own] of holds) {
    if (own.releasedAt === null) continue;
    const [control, id = ""] = k.split(" ") as [Control, string?];
    const server = valueOf(room, id, control);
    if (server === undefined || same(server, own.value) || now - own.releasedAt >= PATIENCE_MS) rest.delete(k);
  }
  return rest.size === holds.size ? holds : rest;
}

/** Gains and pans are rounded on their way. */
export function same(a: Value, b: Value): boolean {
  return typeof a === "number" && typeof b === "number" ? Math.abs(a - b) < 0.005 : a === b;
}
