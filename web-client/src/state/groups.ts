/**
 * Groups of strips: those whose tracks carry the same group name. A group has a fader like a console's
 * VCA: it stands where its loudest member stands and moves all members by the same number of decibels.
 * What it is follows from the tracks alone, so all desks see the same.
 */

import type { TrackState } from "../network/wire";
import { GAIN_MAX_DB, GAIN_MIN_DB, tidyGain } from "./fader";

/** How many colours there are before they repeat. */
export const GROUP_COLOURS = 6;

export interface Group {
  readonly name: string;
  /** 0 to `GROUP_COLOURS` − 1, the same at every desk. */
  readonly colour: number;
  readonly members: readonly TrackState[];
}

/** A strip, or the strip of a group in front of its members. */
export type Place =
  | { readonly is: "group"; readonly group: Group }
  | { readonly is: "track"; readonly track: TrackState; readonly group: Group | null };

/** The groups in the order in which their first member joined. */
export function groupsOf(tracks: readonly TrackState[]): Group[] {
  const names = new Map<string, TrackState[]>();
  for (const track of tracks) {
    if (track.group === undefined || track.group === "") continue;
    names.set(track.group, [...(names.get(track.group) ?? []), track]);
  }
  return [...names].map(([name, members], i) => ({ name, colour: i % GROUP_COLOURS, members }));
}

/** The strips from left to right: members of a group stand together, behind the group's own strip. */
export function arrange(tracks: readonly TrackState[]): Place[] {
  const groups = new Map(groupsOf(tracks).map((group) => [group.name, group]));
  const placed = new Set<string>();
  return tracks.flatMap((track): Place[] => {
    const group = groups.get(track.group ?? "");
    if (group === undefined) return [{ is: "track", track, group: null }];
    if (placed.has(group.name)) return [];
    placed.add(group.name);
    return [{ is: "group", group }, ...group.members.map((member): Place => ({ is: "track", track: member, group }))];
  });
}

/** Where the group's fader stands: at its loudest member. */
export function groupGain(gains: ReadonlyMap<string, number>): number {
  return Math.max(GAIN_MIN_DB, ...gains.values());
}

/**
 * Where the members would stand if faders had no ends, by track id. It outlives a drag, so that offsets
 * that were pressed against an end come back; a member that somebody moved since counts as it is now.
 */
export type Wanted = ReadonlyMap<string, number>;

export const NOTHING_WANTED: Wanted = new Map();

/** The members where the group's hand takes hold of them. */
export function take(gains: ReadonlyMap<string, number>, wanted: Wanted): Wanted {
  const allOff = [...gains].every(([id, db]) => db <= GAIN_MIN_DB && !remembered(db, wanted.get(id)));
  const taken = new Map<string, number>();
  for (const [id, db] of gains) {
    const before = wanted.get(id);
    if (before !== undefined && remembered(db, before)) taken.set(id, before);
    // Off stays off, however far the group is moved: unless all are.
    else taken.set(id, db <= GAIN_MIN_DB && !allOff ? Number.NEGATIVE_INFINITY : db);
  }
  return taken;
}

function remembered(now: number, before: number | undefined): boolean {
  return before !== undefined && Math.abs(tidyGain(before) - now) < 0.05;
}

/** All members moved so far that the group's fader stands at `to`. */
export function moveTo(from: Wanted, to: number): Wanted {
  const loudest = Math.max(...[...from.values()].filter(Number.isFinite));
  if (!Number.isFinite(loudest)) return from;
  const way = Math.min(Math.max(to, GAIN_MIN_DB), GAIN_MAX_DB) - loudest;
  return new Map([...from].map(([id, db]) => [id, db + way]));
}

/** What is sent for where the members would stand. */
export function gainsOf(wanted: Wanted): Map<string, number> {
  return new Map([...wanted].map(([id, db]) => [id, tidyGain(db)]));
}

/** The group in which `dragged` ends when it is dropped on `onto`, and who has to be told. */
export function join(tracks: readonly TrackState[], dragged: string, onto: string): { id: string; group: string }[] {
  const one = tracks.find((t) => t.id === dragged);
  const other = tracks.find((t) => t.id === onto);
  if (one === undefined || other === undefined || dragged === onto) return [];
  const group = other.group || freshName(tracks);
  return [one, other].flatMap(({ id, group: now }) => (now === group ? [] : [{ id, group }]));
}

/** `Group 1`, or the next number that no group has. */
export function freshName(tracks: readonly TrackState[]): string {
  const taken = new Set(tracks.map((t) => t.group));
  let number = 1;
  while (taken.has(`Group ${number}`)) number += 1;
  return `Group ${number}`;
}

/** Why a text cannot be the name of a strip or group, or null if it can. */
export function nameProblem(text: string): string | null {
  const length = [...text.trim()].length;
  if (length === 0) return "It needs a name.";
  if (length > 64) return "64 characters are the most.";
  return /[\u0000-\u001f\u007f-\u009f]/.test(text) ? "A character in it cannot be shown." : null;
}
