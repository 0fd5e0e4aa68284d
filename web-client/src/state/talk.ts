/** The talk key: who holds it down, and whether it stays on by itself. */

/** The button under a finger, the button under Enter, the space bar. */
export type Holder = "pointer" | "enter" | "key";

/** A press of the button that is shorter latches: it stays on until the next tap. */
export const TAP_MS = 250;

export interface TalkKey {
  readonly pointer: boolean;
  readonly enter: boolean;
  readonly key: boolean;
  /** Stays on with nothing held. */
  readonly latched: boolean;
  /** What the release of the button will do, and when the button went down. */
  readonly tap: { readonly does: "latch" | "unlatch"; readonly at: number } | null;
}

export const RELEASED: TalkKey = { pointer: false, enter: false, key: false, latched: false, tap: null };

/** `now` in milliseconds. The space bar is held only; it never latches. */
export function press(talk: TalkKey, holder: Holder, now: number): TalkKey {
  if (talk[holder]) return talk;
  const tap = holder === "key" ? talk.tap : ({ does: talk.latched ? "unlatch" : "latch", at: now } as const);
  return { ...talk, [holder]: true, tap };
}

export function release(talk: TalkKey, holder: Holder, now: number): TalkKey {
  if (!talk[holder]) return talk;
  const up = { ...talk, [holder]: false };
  if (holder === "key" || talk.tap === null) return up;
  const { does, at } = talk.tap;
  if (does === "unlatch") return { ...up, latched: false, tap: null };
  return { ...up, latched: talk.latched || now - at < TAP_MS, tap: null };
}

/** The window lost the keyboard or is hidden: no release will be seen, so all are let go. */
export function letGo(talk: TalkKey): TalkKey {
  if (!talk.pointer && !talk.enter && !talk.key) return talk;
  return { ...talk, pointer: false, enter: false, key: false, tap: null };
}

export function latch(talk: TalkKey, on: boolean): TalkKey {
  return talk.latched === on ? talk : { ...talk, latched: on, tap: null };
}

/** Permission was refused or taken: nothing stays on, and the tap under way latches nothing. */
export function spend(talk: TalkKey): TalkKey {
  return talk.latched || talk.tap !== null ? { ...talk, latched: false, tap: null } : talk;
}

export function isTalking(talk: TalkKey): boolean {
  return talk.pointer || talk.enter || talk.key || talk.latched;
}

/** What the page knows of the element that has the keyboard. */
export interface Focus {
  readonly tag: string;
  readonly type: string;
  readonly role: string;
  readonly editable: boolean;
  /** The keyboard brought the focus there, not a click. */
  readonly byKeyboard: boolean;
}

const NOT_TYPED_IN = ["button", "checkbox", "radio", "range", "submit", "reset"];

/**
 * Whether the space bar talks. Text fields keep it; so does a control that was reached by the
 * keyboard, because there it means "press". After a mouse click on a control it still talks.
 */
export function spaceTalks(focus: Focus | null): boolean {
  if (focus === null) return true;
  if (focus.editable || focus.tag === "textarea" || focus.tag === "select") return false;
  if (focus.tag === "input" && !NOT_TYPED_IN.includes(focus.type)) return false;
  if (focus.tag === "input" && focus.type === "range") return true;
  const pressed = ["button", "a", "summary", "input"].includes(focus.tag) || focus.role !== "";
  return !(pressed && focus.byKeyboard);
}
