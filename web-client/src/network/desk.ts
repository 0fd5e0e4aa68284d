/** The hand on the desk: own moves show at once, go out 30 times a second, settle, and can be undone. */

import { DeskState } from "../state/desk";
import { turnedSentence } from "../state/desk-words";
import { gainsOf, moveTo, NOTHING_WANTED, take, type Group, type Wanted } from "../state/groups";
import { record, redo, undo, type Change, type Turned } from "../state/history";
import { drop, held, hold, isOfRoom, key, letGoOf, settle, valueOf, type Control, type Value } from "../state/holds";
import type { RoomStore } from "../state/store";
import { due, idle, offer, type Throttle } from "../state/throttle";

import { Personal } from "./personal";
import type { Command, FloorAction, FloorAnswer, PersonalPatch, Problem } from "./wire";

const EVERY_MS = 33;
/** A group of many goes out less often: the server takes 200 commands a second of one socket. */
const EVERY_MEMBER_MS = 8;
const SETTLE_MS = 1000;

/** How the desk reaches the server. */
export interface DeskWays {
  /** Null when the line is down; else the number that the reply brings. */
  send(command: Command): number | null;
  ask(command: Command): Promise<FloorAnswer | null>;
  /** Changes the personal mix. */
  wish(patch: PersonalPatch): void;
}

interface Move {
  id: string;
  control: Control;
  value: Value;
}

export class Desk {
  readonly state = new DeskState();
  readonly personal: Personal;
  readonly #store: RoomStore;
  readonly #ways: DeskWays;
  readonly #throttles = new Map<string, Throttle<Move>>();
  readonly #unanswered = new Map<number, Move>();
  /** What the controls in the hand showed when it took hold. */
  readonly #before = new Map<string, Change["before"]>();
  /** Where a group's members would stand if faders had no ends. */
  readonly #wanted = new Map<string, Wanted>();

  constructor(store: RoomStore, ways: DeskWays) {
    this.#store = store;
    this.#ways = ways;
    this.personal = new Personal(store, ways.wish);
  }

  /** Moves a control that stays in the hand. `id` is empty for the room's. */
  move(id: string, control: Control, value: Value): void {
    this.#moveAll([{ id, control, value }]);
  }

  /** Lets go of it: what still waits to be sent goes out, so that of two hands the one that lets go last
   * wins, and from now on what the server says counts again. */
  release(id: string, control: Control): void {
    this.#due(key(id, control));
    this.#releaseAll([{ id, control }], false);
  }

  /** One move with nothing held: a key, a click. */
  set(id: string, control: Control, value: Value): void {
    this.setAll([{ id, control, value }]);
  }

  /** Several moves that are one step. */
  setAll(moves: readonly Move[]): void {
    this.#moveAll(moves);
    this.#releaseAll(moves, true);
  }

  /** Moves a group's fader that stays in the hand: where all its members stood when the hand took hold
   * is `from`. */
  moveGroup(group: Group, from: Wanted, to: number): void {
    const wanted = moveTo(from, to);
    this.#wanted.set(group.name, wanted);
    this.#moveAll([...gainsOf(wanted)].map(([id, value]) => ({ id, control: "gain_db", value })));
  }

  releaseGroup(group: Group): void {
    this.#releaseAll(group.members.map(({ id }) => ({ id, control: "gain_db" })), false);
  }

  setGroup(group: Group, to: number): void {
    const wanted = moveTo(this.takeGroup(group), to);
    this.#wanted.set(group.name, wanted);
    this.setAll([...gainsOf(wanted)].map(([id, value]) => ({ id, control: "gain_db", value })));
  }

  /** Where the members stand as the hand takes hold of their group. */
  takeGroup(group: Group): Wanted {
    return take(this.gainsOf(group), this.#wanted.get(group.name) ?? NOTHING_WANTED);
  }

  /** The gains of a group's members as they show here, by track id. */
  gainsOf(group: Group): Map<string, number> {
    const holds = this.#store.holds.value;
    return new Map(group.members.map((t) => [t.id, (held(holds, t.id, "gain_db") as number | undefined) ?? t.gain_db]));
  }

  undo(): void {
    this.#turn(undo(this.state.history.peek(), this.#shown), "Undone");
  }

  redo(): void {
    this.#turn(redo(this.state.history.peek(), this.#shown), "Done again");
  }

  /** Asks the floor for a strip, or takes it. What it becomes is said by the next patch. */
  async floor(id: string, action: FloorAction): Promise<void> {
    try {
      const answer = await this.#ways.ask({ command: "floor", id, action });
      if (answer?.answer === "denied") this.state.said.value = `The floor was denied: ${answer.reason}.`;
      if (answer?.answer === "queued") this.state.said.value = `It waits for the floor at place ${answer.position}.`;
    } catch (error) {
      this.#store.notice.value = (error as Error).message;
    }
  }

  /** Takes a strip out of the room, with who is behind it. */
  remove(id: string): void {
    this.#ways.ask({ command: "remove_track", id }).catch((error: Error) => {
      this.#store.notice.value = error.message;
    });
  }

  /** After every patch, and after the patience is over. */
  settle(): void {
    const room = this.#store.view.peek()?.room;
    if (room === undefined) return;
    const holds = this.#store.holds.peek();
    this.#store.holds.value = settle(holds, room, performance.now());
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

  readonly #shown = (id: string, control: Control): Value | undefined => {
    const room = this.#store.view.peek()?.room;
    const server = room && valueOf(room, id, control);
    return server === undefined ? undefined : (held(this.#store.holds.peek(), id, control) ?? server);
  };

  #turn(turned: Turned | null, word: string): void {
    if (turned === null) return;
    const room = this.#store.view.peek()?.room;
    this.#moveAll(turned.moves);
    this.#letGo(turned.moves);
    for (const { id, control } of turned.moves) this.#before.delete(key(id, control));
    this.state.history.value = turned.history;
    this.state.said.value = turnedSentence(word, turned, room?.tracks ?? []);
  }

  #moveAll(moves: readonly Move[]): void {
    const every = Math.max(EVERY_MS, moves.length * EVERY_MEMBER_MS);
    let holds = this.#store.holds.peek();
    for (const { id, control, value } of moves) {
      const before = this.#before.has(key(id, control)) ? undefined : this.#shown(id, control);
      if (before !== undefined) this.#before.set(key(id, control), before);
      holds = hold(holds, id, control, value);
    }
    this.#store.holds.value = holds;
    for (const move of moves) {
      const name = key(move.id, move.control);
      const got = offer(this.#throttles.get(name) ?? idle<Move>(), move, performance.now(), every);
      this.#throttles.set(name, got.throttle);
      if (got.send !== null) this.#sendMove(got.send);
      if (got.wait !== null) setTimeout(() => this.#due(name), got.wait);
    }
  }

  #releaseAll(controls: readonly { id: string; control: Control }[], brief: boolean): void {
    const changes = controls.flatMap(({ id, control }): Change[] => {
      const before = this.#before.get(key(id, control));
      const after = this.#shown(id, control);
      this.#before.delete(key(id, control));
      return before === undefined || after === undefined ? [] : [{ id, control, before, after }];
    });
    this.state.history.value = record(this.state.history.peek(), changes, performance.now(), brief);
    this.#letGo(controls);
  }

  #letGo(controls: readonly { id: string; control: Control }[]): void {
    let holds = this.#store.holds.peek();
    for (const { id, control } of controls) holds = letGoOf(holds, id, control, performance.now());
    this.#store.holds.value = holds;
    this.settle();
    setTimeout(() => this.settle(), SETTLE_MS);
  }

  #due(name: string): void {
    const got = due(this.#throttles.get(name) ?? idle<Move>(), performance.now());
    this.#throttles.set(name, got.throttle);
    if (got.send !== null) this.#sendMove(got.send);
  }

  #sendMove(move: Move): void {
    const { id, control, value } = move;
    const reference = this.#ways.send(
      isOfRoom(control) ? { command: "set_room", [control]: value } : { command: "set_track", id, [control]: value },
    );
    if (reference !== null) this.#unanswered.set(reference, move);
  }
}
