/** The space bar as the talk key, and all that lets go of it. */

import { letGo, press, release, spaceTalks, type Focus } from "../state/talk";
import type { RoomStore } from "../state/store";

/** Listens until the returned function is called. */
export function listenToKeys(store: RoomStore): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  let keyboardMoved = false;
  let focusByKeyboard = false;

  const down = (event: KeyboardEvent) => {
    keyboardMoved = event.key === "Tab" || keyboardMoved;
    if (event.code !== "Space" || event.ctrlKey || event.altKey || event.metaKey) return;
    if (!spaceTalks(focusNow(focusByKeyboard))) return;
    // Neither scrolls the page nor presses the control that a click has left focused.
    event.preventDefault();
    if (!event.repeat) store.talk.value = press(store.talk.peek(), "key", performance.now());
  };
  const up = (event: KeyboardEvent) => {
    if (event.code !== "Space" || !store.talk.peek().key) return;
    event.preventDefault();
    store.talk.value = release(store.talk.peek(), "key", performance.now());
  };
  const letGoOfAll = () => {
    store.talk.value = letGo(store.talk.peek());
  };

  document.addEventListener("keydown", down, { signal });
  document.addEventListener("keyup", up, { signal });
  document.addEventListener("pointerdown", () => (keyboardMoved = false), { signal, capture: true });
  document.addEventListener("focusin", () => (focusByKeyboard = keyboardMoved), { signal });
  addEventListener("blur", letGoOfAll, { signal });
  document.addEventListener("visibilitychange", () => document.hidden && letGoOfAll(), { signal });
  return () => stop.abort();
}

function focusNow(byKeyboard: boolean): Focus | null {
  const it = document.activeElement;
  if (!(it instanceof HTMLElement) || it === document.body) return null;
  return {
    tag: it.tagName.toLowerCase(),
    type: it instanceof HTMLInputElement ? it.type : "",
    role: it.getAttribute("role") ?? "",
    editable: it.isContentEditable,
    byKeyboard: byKeyboard && !it.hasAttribute("data-talk"),
  };
}
