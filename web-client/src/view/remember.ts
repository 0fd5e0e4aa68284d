/** What a person chose, kept in this browser. A browser that keeps nothing is no error. */

import { effect, signal, type Signal } from "@preact/signals";

function remembered<T extends string | number | boolean>(key: string, initial: T): Signal<T> {
  const name = `mixminus.${key}`;
  const it = signal<T>(read(name, initial));
  effect(() => {
    const value = it.value;
    try {
      localStorage.setItem(name, JSON.stringify(value));
    } catch {
      // Kept for this page only.
    }
  });
  return it;
}

function read<T>(name: string, initial: T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(name) ?? "null");
    return typeof value === typeof initial ? (value as T) : initial;
  } catch {
    return initial;
  }
}

/** The name that others read. */
export const ownName = remembered<string>("name", "");
/** Remove echo and noise from the own microphone. */
export const cleanUp = remembered<boolean>("clean-up", true);
/** How loud the mix is here, 0 to 1. */
export const volume = remembered<number>("volume", 1);
