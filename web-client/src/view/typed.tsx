/** A value that can be typed: a figure that becomes a text field. */

import { useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

interface Props<T> {
  /** What the value is of: `Gain of Anna`. */
  label: string;
  /** The figure as it stands there. */
  text: string;
  class: string;
  disabled: boolean;
  parse: (text: string) => T | null;
  set: (value: T) => void;
  /** What the field begins with; null while nothing is typed. */
  typing: Signal<string | null>;
  /** Where the keyboard goes afterwards. */
  back: () => HTMLElement | null | undefined;
}

/** Its button is for hands and screen readers: from the keyboard one types on the control itself. */
export function Typed<T>({ label, text, class: name, disabled, parse, set, typing, back }: Props<T>) {
  if (typing.value === null || disabled) {
    return (
      <button class={`typed ${name}`} type="button" tabIndex={-1} disabled={disabled} aria-label={`${label}: ${text}, type a value`} title="Click to type a value" onClick={() => (typing.value = text)}>
        {text}
      </button>
    );
  }
  return <Field label={label} text={typing.value} class={name} parse={parse} set={set} end={(focus) => {
    typing.value = null;
    if (focus) back()?.focus();
  }} />;
}

function Field<T>({ label, text, class: name, parse, set, end }: { label: string; text: string; class: string; parse: (text: string) => T | null; set: (value: T) => void; end: (focus: boolean) => void }) {
  const field = useRef<HTMLInputElement>(null);
  const wrong = useSignal(false);
  const over = useRef(false);
  useEffect(() => {
    field.current?.focus();
    // A first digit that was typed on the control stands there; what was shown is replaced.
    if (text.length > 1) field.current?.select();
  }, []);
  const finish = (focus: boolean) => {
    if (over.current) return;
    over.current = true;
    end(focus);
  };
  const take = (focus: boolean) => {
    // A field that goes away loses the keyboard once more.
    if (over.current) return;
    const value = parse(field.current?.value ?? "");
    if (value === null) {
      if (focus) wrong.value = true;
      else finish(false);
      return;
    }
    set(value);
    finish(focus);
  };
  return (
    <input
      ref={field}
      class={`typing ${name}`}
      type="text"
      inputMode="text"
      autocomplete="off"
      spellcheck={false}
      aria-label={`${label}, type a value`}
      aria-invalid={wrong.value}
      defaultValue={text}
      onInput={() => (wrong.value = false)}
      onKeyDown={(event) => {
        event.stopPropagation();
        if (event.key === "Enter") take(true);
        if (event.key === "Escape") finish(true);
      }}
      onBlur={() => take(false)}
    />
  );
}
