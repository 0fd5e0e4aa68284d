/** The talk key: who holds it down. The microphone is heard while anything does. */

export type Holder = "pointer" | "key";

export interface TalkKey {
  readonly pointer: boolean;
  readonly key: boolean;
  /** Keep talking: stays on with nothing held. */
  readonly latched: boolean;
}

export const RELEASED: TalkKey = { pointer: false, key: false, latched: false };

export function press(talk: TalkKey, holder: Holder): TalkKey {
  return talk[holder] ? talk : { ...talk, [holder]: true };
}

export function release(talk: TalkKey, holder: Holder): TalkKey {
  return talk[holder] ? { ...talk, [holder]: false } : talk;
}

/** The window lost the keyboard or is hidden: no release will be seen, so all are let go. */
export function letGo(talk: TalkKey): TalkKey {
  return talk.pointer || talk.key ? { ...talk, pointer: false, key: false } : talk;
}

export function latch(talk: TalkKey, on: boolean): TalkKey {
  return talk.latched === on ? talk : { ...talk, latched: on };
}

export function isTalking(talk: TalkKey): boolean {
  return talk.pointer || talk.key || talk.latched;
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
