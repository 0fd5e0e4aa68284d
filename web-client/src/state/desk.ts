/** What this desk alone knows, as signals: its undo, its last word and the own files. */

import { computed, signal } from "@preact/signals";
import type { FilePlayer } from "../network/file-player";
import { NO_HISTORY, type History } from "./history";

export class DeskState {
  readonly history = signal<History>(NO_HISTORY);
  /** What the desk did last that is not seen at the place where one looks, in a sentence. */
  readonly said = signal("");
  /** Files that are being played into the room from here. */
  readonly files = signal<readonly FilePlayer[]>([]);

  readonly canUndo = computed(() => this.history.value.past.length > 0);
  readonly canRedo = computed(() => this.history.value.future.length > 0);
}
