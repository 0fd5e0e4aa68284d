/** The head of a strip: dragged onto another it makes a group; F2 and a double click rename it; arrows
 * go to the next head. */

import { useEffect, useRef } from "preact/hooks";
import type { Desk } from "../network/desk";
import { join } from "../state/groups";
import type { RoomStore } from "../state/store";

const SLACK_PX = 6;
/** A finger that rests so long means to drag and not to scroll. */
const LONG_PRESS_MS = 350;

interface Options {
  id: string;
  name: string;
  desk: Desk;
  store: RoomStore;
  rename: () => void;
  disabled: boolean;
}

interface Hand {
  pointer: number;
  x: number;
  y: number;
  head: HTMLElement;
  ghost: HTMLElement | null;
  onto: HTMLElement | null;
  press: ReturnType<typeof setTimeout> | undefined;
}

export function useHead({ id, name, desk, store, rename, disabled }: Options) {
  const hand = useRef<Hand | null>(null);
  const stop = useRef<AbortController | null>(null);

  const let_go = () => {
    const held = hand.current;
    hand.current = null;
    clearTimeout(held?.press);
    held?.ghost?.remove();
    held?.onto?.classList.remove("drop");
    document.documentElement.classList.remove("grouping");
    stop.current?.abort();
  };
  useEffect(() => let_go, []);

  const begin = (held: Hand) => {
    if (held.ghost !== null) return;
    held.ghost = document.createElement("div");
    held.ghost.className = "ghost";
    held.ghost.textContent = name;
    held.ghost.setAttribute("aria-hidden", "true");
    document.body.append(held.ghost);
    document.documentElement.classList.add("grouping");
    float(held, held.x, held.y);
  };

  const over = (held: Hand, x: number, y: number) => {
    float(held, x, y);
    const found = document.elementFromPoint(x, y)?.closest<HTMLElement>("[data-strip]") ?? null;
    const onto = found?.dataset.strip === id ? null : found;
    if (onto === held.onto) return;
    held.onto?.classList.remove("drop");
    onto?.classList.add("drop");
    held.onto = onto;
  };

  const drop = (held: Hand) => {
    const onto = held.onto?.dataset.strip;
    if (onto === undefined) return;
    const tracks = store.view.peek()?.room.tracks ?? [];
    desk.setAll(join(tracks, id, onto).map(({ id: member, group }) => ({ id: member, control: "group", value: group })));
  };

  return {
    onPointerDown(event: PointerEvent & { currentTarget: HTMLElement }) {
      if (disabled || event.button !== 0 || hand.current !== null) return;
      const held: Hand = { pointer: event.pointerId, x: event.clientX, y: event.clientY, head: event.currentTarget, ghost: null, onto: null, press: undefined };
      hand.current = held;
      stop.current = new AbortController();
      const { signal } = stop.current;
      const touch = event.pointerType === "touch";
      if (touch) {
        held.press = setTimeout(() => begin(held), LONG_PRESS_MS);
        // Once it is dragged the page must not scroll with it.
        held.head.addEventListener("touchmove", (e) => held.ghost !== null && e.preventDefault(), { signal, passive: false });
        held.head.addEventListener("contextmenu", (e) => e.preventDefault(), { signal });
      } else {
        event.currentTarget.setPointerCapture(event.pointerId);
      }
    },
    onPointerMove(event: PointerEvent) {
      const held = hand.current;
      if (held?.pointer !== event.pointerId) return;
      const far = Math.hypot(event.clientX - held.x, event.clientY - held.y) >= SLACK_PX;
      if (held.ghost === null && far && event.pointerType === "touch") return let_go();
      if (held.ghost === null && far) begin(held);
      if (held.ghost !== null) over(held, event.clientX, event.clientY);
    },
    onPointerUp(event: PointerEvent) {
      const held = hand.current;
      if (held?.pointer !== event.pointerId) return;
      if (held.ghost !== null) drop(held);
      let_go();
    },
    onPointerCancel: let_go,
    onDblClick: () => !disabled && rename(),
    onClick(event: MouseEvent) {
      // Enter on the head: a click that no pointer made.
      if (event.detail === 0) rename();
    },
    onKeyDown(event: KeyboardEvent & { currentTarget: HTMLElement }) {
      if (event.key === "Escape") return let_go();
      if (event.key === "F2") rename();
      else if (!walk(event.currentTarget, event.key)) return;
      event.preventDefault();
    },
  };
}

function float(held: Hand, x: number, y: number): void {
  if (held.ghost !== null) held.ghost.style.transform = `translate(${x}px, ${y}px)`;
}

/** From head to head by the arrow keys. */
export function walk(from: HTMLElement, key: string): boolean {
  const heads = [...document.querySelectorAll<HTMLElement>("[data-head]")];
  const here = heads.indexOf(from);
  const to = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: heads.length - 1 }[key];
  if (to === undefined) return false;
  heads[to]?.focus();
  return true;
}
