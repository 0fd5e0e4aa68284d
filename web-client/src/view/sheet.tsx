/** A sheet over the page: from below on a phone, at the side on a desk. The browser keeps the focus in it,
 * closes it with Escape, and gives the focus back. */

import { useSignalEffect, type Signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { Icon } from "./icons";
import "./sheet.css";

interface Props {
  title: string;
  open: Signal<boolean>;
  children: ComponentChildren;
}

export function Sheet({ title, open, children }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useSignalEffect(() => {
    const it = dialog.current;
    if (it === null || it.open === open.value) return;
    if (open.value) it.showModal();
    else it.close();
  });
  return (
    <dialog
      ref={dialog}
      class="side-sheet"
      aria-label={title}
      onClose={() => {
        open.value = false;
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) open.value = false;
      }}
    >
      {open.value && (
        <div class="sheet-inside">
          <header>
            <h2>{title}</h2>
            <button
              class="button small sheet-close"
              type="button"
              aria-label={`Close ${title}`}
              onClick={() => {
                open.value = false;
              }}
            >
              <Icon name="close" />
            </button>
          </header>
          {children}
        </div>
      )}
    </dialog>
  );
}
