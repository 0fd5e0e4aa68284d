/** Dragging a fader or a knob by how far the hand moves, from wherever it took hold: touching the
 * way beside the cap does not make the gain jump. */

import { useRef } from "preact/hooks";

/** A shorter move is a click, not a drag. */
const SLACK_PX = 2;
/** A finger trembles, and may be about to scroll. */
const FINGER_SLACK_PX = 6;
/** With shift held the control moves this much slower. */
const FINE = 0.2;

export interface Drag {
  /** The value where the hand took hold. */
  begin(): number;
  /** So far from there; positive is up and right. `x`, `y` in CSS pixels. */
  move(from: number, x: number, y: number): void;
  end(): void;
}

interface Hand {
  pointer: number;
  from: number;
  /** The way so far; each part of it was coarse or fine when it was gone. */
  x: number;
  y: number;
  lastX: number;
  lastY: number;
  moved: boolean;
}

export function useDrag(drag: Drag, disabled: boolean) {
  const hand = useRef<Hand | null>(null);

  const end = (event: PointerEvent) => {
    if (hand.current?.pointer !== event.pointerId) return;
    if (hand.current.moved) drag.end();
    hand.current = null;
  };

  return {
    onPointerDown(event: PointerEvent & { currentTarget: HTMLElement }) {
      if (disabled || event.button !== 0 || hand.current !== null) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      event.currentTarget.querySelector("input")?.focus({ preventScroll: true });
      event.preventDefault();
      hand.current = {
        pointer: event.pointerId,
        from: drag.begin(),
        x: 0,
        y: 0,
        lastX: event.clientX,
        lastY: event.clientY,
        moved: false,
      };
    },
    onPointerMove(event: PointerEvent) {
      const held = hand.current;
      if (held?.pointer !== event.pointerId) return;
      const speed = event.shiftKey ? FINE : 1;
      held.x += (event.clientX - held.lastX) * speed;
      held.y -= (event.clientY - held.lastY) * speed;
      held.lastX = event.clientX;
      held.lastY = event.clientY;
      held.moved ||= Math.hypot(held.x, held.y) >= (event.pointerType === "touch" ? FINGER_SLACK_PX : SLACK_PX);
      if (held.moved) drag.move(held.from, held.x, held.y);
    },
    onPointerUp: end,
    onPointerCancel: end,
    onLostPointerCapture: end,
  };
}
