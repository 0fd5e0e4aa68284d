/** All that a room's page shows, as signals. `network` writes it, `view` reads it. */

import { computed, signal } from "@preact/signals";
import { NO_HOLDS, type Holds } from "./holds";
import { Meters } from "./meter";
import type { RoomView } from "./room";
import { OUTSIDE, type Session } from "./session";
import { isTalking, RELEASED, type TalkKey } from "./talk";
import type { TrackState } from "../network/wire";

/** Lines of the event log that are kept. */
const EVENTS_KEPT = 100;

export interface EventLine {
  readonly key: number;
  /** Milliseconds since the server started. */
  readonly at: number;
  readonly address: string;
  readonly event: string;
}

export class RoomStore {
  readonly room: string;
  readonly session = signal<Session>(OUTSIDE);
  readonly view = signal<RoomView | null>(null);
  /** The id of the own track; null while there is none. */
  readonly own = signal<string | null>(null);
  readonly holds = signal<Holds>(NO_HOLDS);
  readonly talk = signal<TalkKey>(RELEASED);
  /** A microphone is open. */
  readonly microphone = signal(false);
  /** Why the microphone went away in the middle, in a sentence. */
  readonly microphoneProblem = signal<string | null>(null);
  /** What is heard. */
  readonly stream = signal<MediaStream | null>(null);
  /** The browser wants a click before it plays sound. */
  readonly soundBlocked = signal(false);
  /** The round trip to the server, milliseconds. */
  readonly roundTripMs = signal<number | null>(null);
  /** A command that the server refused, in a sentence. */
  readonly notice = signal<string | null>(null);
  readonly events = signal<readonly EventLine[]>([]);
  /** The keys of the meters whose clip mark is lit. */
  readonly clipped = signal<ReadonlySet<string>>(new Set());
  readonly meters = new Meters();

  readonly live = computed(() => this.session.value.at === "live");
  /** The talk key is down and the line is there: others hear it. */
  readonly onAir = computed(() => this.live.value && this.microphone.value && isTalking(this.talk.value));
  readonly ownTrack = computed<TrackState | null>(
    () => this.view.value?.room.tracks.find((t) => t.id === this.own.value) ?? null,
  );

  #lines = 0;

  constructor(room: string) {
    this.room = room;
  }

  log(at: number, address: string, event: string): void {
    this.#lines += 1;
    this.events.value = [{ key: this.#lines, at, address, event }, ...this.events.value.slice(0, EVENTS_KEPT - 1)];
  }
}
