/** A button and what it opens: in the top layer, closed by Escape or a click elsewhere. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useId, useRef } from "preact/hooks";

const GAP_PX = 6;

interface Props {
  label: string;
  /** What stands on the button. */
  face: ComponentChildren;
  class?: string;
  disabled?: boolean;
  /** What it opens; made only while it is open. */
  children: (close: () => void) => ComponentChildren;
}

export function Menu({ label, face, class: name = "", disabled = false, children }: Props) {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const sheet = useRef<HTMLDivElement>(null);
  const open = useSignal(false);
  const close = () => {
    sheet.current?.hidePopover();
    button.current?.focus();
  };
  return (
    <>
      <button ref={button} class={name} type="button" aria-label={label} title={label} disabled={disabled} {...{ popovertarget: id }}>
        {face}
      </button>
      <div
        ref={sheet}
        id={id}
        class="menu-sheet"
        role="group"
        aria-label={label}
        {...{ popover: "auto" }}
        onBeforeToggle={(event) => {
          open.value = event.newState === "open";
        }}
        onToggle={(event) => {
          if (event.newState === "open") place(button.current, sheet.current);
        }}
      >
        {open.value && children(close)}
      </div>
    </>
  );
}

/** Below the button or above it, wherever there is room. */
function place(button: HTMLElement | null, sheet: HTMLElement | null): void {
  if (button === null || sheet === null) return;
  const from = button.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = sheet;
  const left = Math.max(GAP_PX, Math.min(from.left, innerWidth - width - GAP_PX));
  const below = from.bottom + GAP_PX;
  const fits = below + height + GAP_PX <= innerHeight;
  const top = fits ? below : Math.max(GAP_PX, Math.min(from.top - height - GAP_PX, innerHeight - height - GAP_PX));
  sheet.style.left = `${left}px`;
  sheet.style.top = `${top}px`;
}
