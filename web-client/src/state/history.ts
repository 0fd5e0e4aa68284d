/**
 * Undo and redo of one's own moves. A step is what one gesture did: a drag, a click, a group's fader.
 * An undo puts controls back to where they stood before the own move, whoever has moved them since: the
 * last hand wins. What it overrides is told, so that it can be said.
 */

import { key, same, type Control, type Value } from "./holds";

const STEPS_KEPT = 100;
/** Moves of the same control by key, one right after the other, are one step. */
const TOGETHER_MS = 700;

export interface Change {
  /** Empty for the room. */
  readonly id: string;
  readonly control: Control;
  readonly before: Value;
  readonly after: Value;
}

interface Step {
  readonly changes: readonly Change[];
  readonly at: number;
}

export interface History {
  readonly past: readonly Step[];
  readonly future: readonly Step[];
}

export const NO_HISTORY: History = { past: [], future: [] };

/** Adds what a gesture did. `brief`: a key or a click, which may grow together with the one before it. */
export function record(history: History, changes: readonly Change[], now: number, brief: boolean): History {
  const moved = changes.filter((c) => !same(c.before, c.after));
  if (moved.length === 0) return history;
  const last = history.past.at(-1);
  if (brief && last !== undefined && now - last.at < TOGETHER_MS && follows(last.changes, moved)) {
    const joined = moved.map((c, i) => ({ ...c, before: last.changes[i]?.before ?? c.before }));
    return { past: [...history.past.slice(0, -1), { changes: joined, at: now }], future: [] };
  }
  return { past: [...history.past, { changes: moved, at: now }].slice(-STEPS_KEPT), future: [] };
}

/** The same controls, from where the step before left them. On and off is two steps. */
function follows(before: readonly Change[], moved: readonly Change[]): boolean {
  return (
    before.length === moved.length &&
    moved.every((c, i) => {
      const old = before[i];
      return old !== undefined && key(old.id, old.control) === key(c.id, c.control) && typeof c.after === "number" && same(old.after, c.before);
    })
  );
}

export interface Turned {
  readonly history: History;
  /** What to set. */
  readonly moves: readonly { id: string; control: Control; value: Value }[];
  /** What somebody else had set since, and is overridden by this. */
  readonly overridden: readonly { id: string; control: Control; value: Value }[];
}

/** Takes the last step back. `now` says what a control shows; undefined: it is gone. */
export function undo(history: History, now: (id: string, control: Control) => Value | undefined): Turned | null {
  const step = history.past.at(-1);
  if (step === undefined) return null;
  const turned = turn(step, now, "before", "after");
  return { ...turned, history: { past: history.past.slice(0, -1), future: [...history.future, step] } };
}

/** Does again what was taken back last. */
export function redo(history: History, now: (id: string, control: Control) => Value | undefined): Turned | null {
  const step = history.future.at(-1);
  if (step === undefined) return null;
  const turned = turn(step, now, "after", "before");
  return { ...turned, history: { past: [...history.past, { ...step, at: Number.NEGATIVE_INFINITY }], future: history.future.slice(0, -1) } };
}

function turn(step: Step, now: (id: string, control: Control) => Value | undefined, to: "before" | "after", from: "before" | "after") {
  const there = step.changes.filter((c) => now(c.id, c.control) !== undefined);
  return {
    moves: there.map((c) => ({ id: c.id, control: c.control, value: c[to] })),
    overridden: there.flatMap((c) => {
      const value = now(c.id, c.control);
      return value === undefined || same(value, c[from]) || same(value, c[to]) ? [] : [{ id: c.id, control: c.control, value }];
    }),
  };
}
