/** The desk's hand on the own mix: a drag tells the server 30 times a second at most. */

import { computed, signal } from "@preact/signals";
import { AS_AT_THE_DESK, patched } from "../state/mine";
import { anySolo, soloPatch } from "../state/personal";
import type { RoomStore } from "../state/store";
import { due, idle, offer, type Throttle } from "../state/throttle";
import type { PersonalPatch, WishPatch } from "./wire";

const EVERY_MS = 33;

export class Personal {
  /** What one has set for one's own ears. */
  readonly mix;
  /** Somebody is solo for oneself. */
  readonly solos;
  readonly #wish: (patch: PersonalPatch) => void;
  #gain: Throttle<PersonalPatch> = idle();
  /** What is dragged and not sent yet. */
  readonly #dragged = signal<PersonalPatch>({});

  constructor(store: RoomStore, wish: (patch: PersonalPatch) => void) {
    this.#wish = wish;
    this.mix = computed(() => patched(store.mine.value ?? AS_AT_THE_DESK, this.#dragged.value));
    this.solos = computed(() => anySolo(this.mix.value));
  }

  /** Sets something for one track; null makes it sound as at the desk. */
  wish(track: string, wish: WishPatch | null): void {
    this.#wish({ tracks: { [track]: wish } });
  }

  /** The gain of one track, while it is dragged. */
  moveGain(track: string, gain_db: number): void {
    const patch = { tracks: { [track]: { gain_db } } };
    const got = offer(this.#gain, patch, performance.now(), EVERY_MS);
    this.#gain = got.throttle;
    this.#dragged.value = patch;
    this.#say(got.send);
    if (got.wait !== null) setTimeout(() => this.#due(), got.wait);
  }

  /** Solo on or off; `alone`: and all others off. */
  solo(track: string, alone: boolean): void {
    this.#wish(soloPatch(this.mix.peek(), track, alone));
  }

  /** Everything as at the desk. */
  clear(): void {
    this.#wish({ volume_db: 0, tracks: Object.fromEntries(Object.keys(this.mix.peek().tracks).map((id) => [id, null])) });
  }

  #due(): void {
    const got = due(this.#gain, performance.now());
    this.#gain = got.throttle;
    this.#say(got.send);
  }

  #say(patch: PersonalPatch | null): void {
    if (patch === null) return;
    this.#wish(patch);
    this.#dragged.value = {};
  }
}
