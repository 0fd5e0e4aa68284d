/** What a person chose, kept in this browser. A browser that keeps nothing is no error. */

import { computed, effect, signal, type Signal } from "@preact/signals";
import type { MicrophoneChoice } from "../network/microphone";
import type { Choices } from "../network/rig";
import { readKept, type Kept } from "../state/channels";

function remembered<T extends string | number | boolean>(key: string, initial: T): Signal<T> {
  return kept(key, (value) => (typeof value === typeof initial ? (value as T) : initial));
}

/** `tidy` makes something of whatever the browser gives back, `null` if it has nothing. */
function kept<T>(key: string, tidy: (value: unknown) => T): Signal<T> {
  const name = `mixminus.${key}`;
  const it = signal<T>(tidy(read(name)));
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

function read(name: string): unknown {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "null");
  } catch {
    return null;
  }
}

/** The name that others read. */
export const ownName = remembered<string>("name", "");
/** What the browser does to the own voice; the simple switch sets all three. */
export const removeEcho = remembered<boolean>("echo", true);
export const removeNoise = remembered<boolean>("noise", true);
export const evenLevel = remembered<boolean>("even", true);
/** Empty: the browser's own choice. */
export const microphoneId = remembered<string>("microphone", "");
export const speakerId = remembered<string>("speaker", "");
/** How loud all channels are here, 0 to 1. */
export const volume = remembered<number>("volume", 1);
export const tones = remembered<boolean>("tones", true);
export const stayAwake = remembered<boolean>("awake", true);
/** Others may call directly: they see this browser's network address then. */
export const allowDirect = remembered<boolean>("direct", true);
const channels = kept<Kept>("channels", readKept);

export const cleanUp = computed(() => removeEcho.value && removeNoise.value && evenLevel.value);

export function setCleanUp(on: boolean): void {
  removeEcho.value = removeNoise.value = evenLevel.value = on;
}

export const choices: Choices = {
  tones,
  direct: allowDirect,
  microphone: computed<MicrophoneChoice>(() => ({
    deviceId: microphoneId.value,
    echo: removeEcho.value,
    noise: removeNoise.value,
    even: evenLevel.value,
  })),
  kept: channels,
};
