/** The hand on the desk: own moves show at once, go out 30 times a second, and settle. */

import { drop, hold, letGoOf, settle, type Control } from "../state/holds";
import type { RoomStore } from "../state/store";
import { due, idle, offer, type Throttle } from "../state/throttle";
import type { Command, Problem } from "./wire";

const EVERY_MS = 33;
const SETTLE_MS = 1000;

interface Move {
  id: string;
  control: Control;
  value: number | boolean;
}

export class Desk {
  readonly #store: RoomStore;
  readonly #send: (command: Command) => number | null;
  readonly #throttles = new Map<string, Throttle<Move>>();
  readonly #unanswered = new Map<number, Move>();

  constructor(store: RoomStore, send: (command: Command) => number | null) {
    this.#store = store;
    this.#send = send;
  }

  /** Moves a control that stays in the hand. `id` is empty for the master. */
  move(id: string, control: Control, value: number | boolean): void {
    this.#store.holds.value = hold(this.#store.holds.value, id, control, value);
    const key = `${control} ${id}`;
    const got = offer(this.#throttles.get(key) ?? idle<Move>(), { id, control, value }, performance.now(), EVERY_MS);
    this.#throttles.set(key, got.throttle);
    if (got.send !== null) this.#command(got.send);
    if (got.wait !== null) setTimeout(() => this.#due(key), got.wait);
  }

  /** Lets go of it: from now on what the server says counts again. */
  release(id: string, control: Control): void {
    this.#store.holds.value = letGoOf(this.#store.holds.value, id, control, performance.now());
    this.settle();
    setTimeout(() => this.settle(), SETTLE_MS);
  }

  /** One move with nothing held: a key, a click. */
  set(id: string, control: Control, value: number | boolean): void {
    this.move(id, control, value);
    this.release(id, control);
  }

  /** After every patch, and after the patience is over. */
  settle(): void {
    const room = this.#store.view.peek()?.room;
    if (room === undefined) return;
    const holds = this.#store.holds.peek();
    this.#store.holds.value = settle(holds, room.tracks, room.master_gain_db, performance.now());
  }

  answered(reference: number | undefined, problem: Problem | undefined): void {
    const move = reference === undefined ? undefined : this.#unanswered.get(reference);
    if (reference !== undefined) this.#unanswered.delete(reference);
    if (problem === undefined) return;
    this.#store.notice.value = problem.detail;
    if (move !== undefined) this.#store.holds.value = drop(this.#store.holds.peek(), move.id, move.control);
  }

  /** The line is gone: nothing that was sent will be answered. */
  forget(): void {
    this.#unanswered.clear();
  }

  #due(key: string): void {
    const got = due(this.#throttles.get(key) ?? idle<Move>(), performance.now());
    this.#throttles.set(key, got.throttle);
    if (got.send !== null) this.#command(got.send);
  }

  #command(move: Move): void {
    const { id, control, value } = move;
    const reference = this.#send(
      control === "master_gain_db"
        ? { command: "set_room", master_gain_db: value as number }
        : { command: "set_track", id, [control]: value },
    );
    if (reference !== null) this.#unanswered.set(reference, move);
  }
}
