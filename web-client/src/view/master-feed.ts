/** What the meters' messages say of the mix, for those who draw it: it comes 25 times a second and never
 * touches a component; figures change twice a second. */

import { signal } from "@preact/signals";
import { LoudnessTrace, lufsText, NO_LUFS } from "../state/loudness";
import { FLOOR_DBFS } from "../state/meter";
import type { Message, RoomStore } from "../state/store";

const FIGURES_MS = 500;
/** The reduction meter falls back so fast, dB a second. */
const BACK_DB_S = 30;

export class MasterFeed {
  readonly trace = new LoudnessTrace();
  readonly momentary = signal("–");
  readonly shortTerm = signal("–");
  readonly integrated = signal("–");
  readonly reductionText = signal("0.0 dB");
  readonly peakText = signal("–");
  #reduction = 0;
  #target = 0;
  /** The most that was taken, and the largest sample, since the figures changed. */
  #most = 0;
  #peak = FLOOR_DBFS;
  #figuresAt = Number.NEGATIVE_INFINITY;
  readonly #unsubscribe: () => void;

  constructor(store: RoomStore) {
    this.#unsubscribe = store.master.subscribe((message) => {
      if (message !== null) this.#hear(message, performance.now());
    });
  }

  /** The limiter's reduction now, `elapsed` ms after the last call, dB. */
  reduction(elapsed: number): number {
    this.#reduction = Math.max(this.#target, this.#reduction - (BACK_DB_S * elapsed) / 1000);
    return this.#reduction;
  }

  dispose(): void {
    this.#unsubscribe();
  }

  #hear(message: Message<"meters">, now: number): void {
    this.#target = message.reduction_db ?? 0;
    this.#most = Math.max(this.#most, this.#target);
    this.#peak = Math.max(this.#peak, message.master_peak_dbfs ?? FLOOR_DBFS);
    this.trace.push(now, message.short_term_lufs ?? NO_LUFS);
    if (now - this.#figuresAt < FIGURES_MS) return;
    this.#figuresAt = now;
    this.momentary.value = lufsText(message.momentary_lufs ?? NO_LUFS);
    this.shortTerm.value = lufsText(message.short_term_lufs ?? NO_LUFS);
    this.integrated.value = lufsText(message.integrated_lufs ?? NO_LUFS);
    this.reductionText.value = `${this.#most < 0.05 ? "" : "−"}${this.#most.toFixed(1)} dB`;
    this.peakText.value = this.#peak <= FLOOR_DBFS ? "–" : lufsText(this.#peak);
    this.#most = this.#target;
    this.#peak = FLOOR_DBFS;
  }
}
