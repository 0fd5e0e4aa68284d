/** Does what `state/floor.ts` decides: opens and closes the gate, asks the server, plays tones. */

import { effect, untracked } from "@preact/signals";
import { step, wakeAt, type Effect, type FloorInput } from "../state/floor";
import { isTalking, spend } from "../state/talk";
import type { RoomStore } from "../state/store";
import type { Tone } from "../state/tones";
import type { Command, FloorAnswer, FloorEvent } from "./wire";

interface Ways {
  /** Lets the microphone through or not. */
  gate(open: boolean): void;
  ask(command: Command): Promise<FloorAnswer | null>;
  sound(tone: Tone): void;
}

export class Talker {
  readonly #store: RoomStore;
  readonly #ways: Ways;
  readonly #ends: (() => void)[];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(store: RoomStore, ways: Ways) {
    this.#store = store;
    this.#ways = ways;
    this.#ends = [
      effect(() => {
        const needed = store.floorNeeded.value;
        untracked(() => this.#put({ is: "needed", needed, now: performance.now() }));
      }),
      effect(() => {
        const up = store.live.value;
        untracked(() => this.#put({ is: "line", up, holds: this.#holds(), now: performance.now() }));
      }),
      effect(() => {
        const down = isTalking(store.talk.value) && store.microphone.value;
        untracked(() => this.#put({ is: "key", down, now: performance.now() }));
      }),
    ];
  }

  /** A patch said something of the floor. Call it after the view has taken the patch. */
  hear(events: readonly FloorEvent[]): void {
    const room = this.#store.view.peek()?.room;
    if (room === undefined) return;
    const own = this.#store.own.peek();
    this.#put({ is: "said", events, floor: room.floor, own, graceMs: room.floor_grace_ms, now: performance.now() });
  }

  /** Lets go of everything at once, with no tail: another channel has the microphone now. */
  stop(): void {
    const { is } = this.#store.floor.peek().phase;
    this.#put({ is: "key", down: false, now: performance.now() });
    if (is !== "idle") this.#put({ is: "time", now: Number.POSITIVE_INFINITY });
  }

  dispose(): void {
    this.stop();
    clearTimeout(this.#timer);
    for (const end of this.#ends) end();
  }

  #put(input: FloorInput): void {
    const { floor, effects } = step(this.#store.floor.peek(), input);
    this.#store.floor.value = floor;
    for (const it of effects) this.#do(it);
    clearTimeout(this.#timer);
    const at = wakeAt(floor);
    if (at !== null) this.#timer = setTimeout(() => this.#put({ is: "time", now: performance.now() }), at - performance.now());
  }

  #do(it: Effect): void {
    const id = this.#store.own.peek();
    switch (it.do) {
      case "open":
        return this.#ways.gate(true);
      case "close":
        return this.#ways.gate(false);
      case "sound":
        return this.#ways.sound(it.tone);
      case "spend":
        this.#store.talk.value = spend(this.#store.talk.peek());
        return;
      case "request":
        return this.#request(id, it.asked);
      case "release":
        if (id !== null) this.#tell({ command: "floor", id, action: "release" });
        return;
      case "report":
        if (id !== null) this.#tell({ command: "report", id, access_ms: Math.round(it.accessMs) });
        return;
    }
  }

  #request(id: string | null, asked: number): void {
    const fail = (why: string) => this.#put({ is: "failed", asked, why, now: performance.now() });
    if (id === null) return fail("you are here to listen");
    this.#ways.ask({ command: "floor", id, action: "request" }).then(
      (answer) => {
        if (answer !== null) this.#put({ is: "answer", asked, answer, now: performance.now() });
      },
      (error: Error) => fail(error.message),
    );
  }

  /** What matters no more once the line is down. */
  #tell(command: Command): void {
    this.#ways.ask(command).catch(() => {});
  }

  #holds(): boolean {
    const own = this.#store.own.peek();
    const floor = this.#store.view.peek()?.room.floor;
    return [...(floor?.holders ?? []), ...(floor?.queue ?? [])].some((it) => it.id === own);
  }
}
