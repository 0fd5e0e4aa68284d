/** A name that can be given anew: double click, F2, or from the menu. */

import type { Signal } from "@preact/signals";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { nameProblem } from "../state/groups";

interface Props {
  /** Whose name: `strip` or `group`. */
  what: string;
  name: string;
  editing: Signal<boolean>;
  set: (name: string) => void;
}

export function RenameField({ what, name, editing, set }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const problem = useSignal<string | null>(null);
  useEffect(() => field.current?.select(), []);
  const take = () => {
    const wanted = (field.current?.value ?? "").trim();
    if (!editing.peek() || wanted === name) {
      editing.value = false;
      return;
    }
    problem.value = nameProblem(wanted);
    if (problem.value !== null) return;
    editing.value = false;
    set(wanted);
  };
  return (
    <input
      ref={field}
      class="rename"
      type="text"
      maxLength={64}
      autocomplete="off"
      spellcheck={false}
      aria-label={`New name of the ${what} ${name}`}
      aria-invalid={problem.value !== null}
      title={problem.value ?? undefined}
      defaultValue={name}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") take();
        if (event.key === "Escape") editing.value = false;
      }}
      onBlur={() => {
        take();
        editing.value = false;
      }}
    />
  );
}
