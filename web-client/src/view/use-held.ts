import { useComputed, type ReadonlySignal } from "@preact/signals";
import { held, type Control, type Value } from "../state/holds";
import type { RoomStore } from "../state/store";

/** What the own hand gives a control, as a signal that no other control's move wakes. */
export function useHeld<T extends Value>(store: RoomStore, id: string, control: Control): ReadonlySignal<T | undefined> {
  return useComputed(() => held(store.holds.value, id, control) as T | undefined);
}
