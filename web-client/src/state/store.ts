/** All that a room's page shows, as signals. `network` writes it, `view` reads it. */

import { computed, signal } from "@preact/signals";
import { FULL, NOTHING_MISSED, type Ear, type Missed } from "./channels";
import type { DirectEnd } from "./direct";
import { AT_REST, type Floor } from "./floor";
import { NO_HOLDS, type Holds } from "./holds";
import { Meters } from "./meter";
import { talkers, type RoomView } from "./room";
import { OUTSIDE, type Session } from "./session";
import { isTalking, RELEASED, type TalkKey } from "./talk";
import type { FloorEvent, PersonalMix, ServerMessage, TrackState } from "../network/wire";

/** A message of one type. */
export type Message<T extends ServerMessage["type"]> = Extract<ServerMessage, { type: T }>;

/** Lines of the event log that are kept. */
const EVENTS_KEPT = 100;

export interface EventLine {
  readonly key: number;
  /** Milliseconds since the server started. */
  readonly at: number;
  readonly address: string;
  readonly event: string;
}

export interface Device {
  readonly id: string;
  readonly label: string;
}

/** The page's microphone and its devices; all channels share them. */
export class VoiceStore {
  /** A microphone is open. */
  readonly open = signal(false);
  /** What is sent while the gate is open. */
  readonly track = signal<MediaStreamTrack | null>(null);
  /** Why there is no microphone any more, in a sentence. */
  readonly problem = signal<string | null>(null);
  /** Which other device took the place of one that went away, in a sentence. */
  readonly said = signal<string | null>(null);
  /** Empty until the browser names them. */
  readonly devices = signal<{ readonly microphones: readonly Device[]; readonly speakers: readonly Device[] }>({
    microphones: [],
    speakers: [],
  });
}

export type Direct =
  | { readonly at: "none"; readonly ended: DirectEnd | null }
  | { readonly at: "calling" }
  | { readonly at: "direct"; readonly roundTripMs: number | null };

export class RoomStore {
  readonly room: string;
  readonly voice: VoiceStore;
  readonly session = signal<Session>(OUTSIDE);
  readonly view = signal<RoomView | null>(null);
  /** The id of the own track; null while there is none. */
  readonly own = signal<string | null>(null);
  readonly holds = signal<Holds>(NO_HOLDS);
  readonly talk = signal<TalkKey>(RELEASED);
  /** What the floor is to this talker. */
  readonly floor = signal<Floor>(AT_REST);
  /** How loud this channel is here. */
  readonly ear = signal<Ear>(FULL);
  /** Talk that nobody listened to. */
  readonly missed = signal<Missed>(NOTHING_MISSED);
  /** The personal mix as the server has it; null until it was asked for. */
  readonly mine = signal<PersonalMix | null>(null);
  readonly direct = signal<Direct>({ at: "none", ended: null });
  /** What comes on the direct way; it may come before it is to be heard. */
  readonly directStream = signal<MediaStream | null>(null);
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
  /** The last meters: what the master strip shows besides its level. Changes 25 times a second. */
  readonly master = signal<Message<"meters"> | null>(null);
  /** How the tracks' networks do, once a second. */
  readonly stats = signal<Message<"stats"> | null>(null);
  /** What happened to the floor, as of the last patch that said something of it. */
  readonly floorEvents = signal<readonly FloorEvent[]>([]);
  /** The last call light. */
  readonly alert = signal<Message<"alert"> | null>(null);
  /** The last words of another peer, for a direct call. */
  readonly signal = signal<Message<"signal"> | null>(null);

  /** A microphone is open. */
  readonly microphone = computed(() => this.voice.open.value);
  /** Why the microphone went away in the middle, in a sentence. */
  readonly microphoneProblem = computed(() => this.voice.problem.value);
  readonly live = computed(() => this.session.value.at === "live");
  /** The talk key is down and the line is there: others hear it. */
  readonly onAir = computed(() => this.live.value && this.microphone.value && isTalking(this.talk.value));
  readonly ownTrack = computed<TrackState | null>(
    () => this.view.value?.room.tracks.find((t) => t.id === this.own.value) ?? null,
  );

  /** Who talks in here needs the floor. Programs and announcements never do. */
  readonly floorNeeded = computed(
    () => this.view.value?.room.mode === "floor" && (this.ownTrack.value?.bus ?? "voice") === "voice",
  );
  /** Who else is heard now, by name. */
  readonly talkers = computed<readonly string[]>(() => {
    const room = this.view.value?.room;
    return room === undefined || !this.live.value ? [] : talkers(room, this.own.value);
  });

  #lines = 0;

  constructor(room: string, voice = new VoiceStore()) {
    this.room = room;
    this.voice = voice;
  }

  log(at: number, address: string, event: string): void {
    this.#lines += 1;
    this.events.value = [{ key: this.#lines, at, address, event }, ...this.events.value.slice(0, EVENTS_KEPT - 1)];
  }
}
