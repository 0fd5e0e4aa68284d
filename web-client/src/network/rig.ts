/**
 * The page's channels: several rooms are listened to at once, the microphone speaks into one.
 *
 * A page that talks is a talker in each of them and sends nothing where it is not selected: so the change
 * is at once, the others see who listens in, and a call light finds its way. A track that sends nothing
 * costs the server nothing.
 */

import { computed, effect, signal, untracked, type ReadonlySignal, type Signal } from "@preact/signals";
import { addProblem, attend, channelsOf, FULL, hearBurst, loudness, type Ear, type Kept } from "../state/channels";
import { inside } from "../state/session";
import { RoomStore, VoiceStore, type Message } from "../state/store";
import type { Tone } from "../state/tones";
import { playTone, vibrate } from "./audio";
import type { MicrophoneChoice } from "./microphone";
import { RoomSession } from "./session";
import { Voice } from "./voice";

export interface Channel {
  readonly store: RoomStore;
  readonly session: RoomSession;
}

/** Somebody called. */
export interface CallLight {
  readonly key: string;
  readonly room: string;
  readonly name: string;
  /** This person alone was called, not everybody. */
  readonly alone: boolean;
}

/** What the person chose, and where it is kept. */
export interface Choices {
  readonly tones: ReadonlySignal<boolean>;
  readonly direct: ReadonlySignal<boolean>;
  readonly microphone: ReadonlySignal<MicrophoneChoice>;
  readonly kept: Signal<Kept>;
}

export class Rig {
  readonly voice = new Voice(new VoiceStore());
  readonly channels: Signal<readonly Channel[]>;
  readonly selected: Signal<Channel>;
  /** Talk that was missed in all channels. */
  readonly missed = computed(() => this.channels.value.reduce((sum, { store }) => sum + store.missed.value.count, 0));
  readonly #choices: Choices;
  /** Call lights that burn, the newest last. */
  readonly calls = signal<readonly CallLight[]>([]);
  readonly #hidden = signal(document.hidden);
  readonly #ends = new Map<Channel | null, () => void>();
  readonly #stop = new AbortController();
  #name = "";
  #busy = false;

  constructor(entry: string, choices: Choices) {
    this.#choices = choices;
    const first = this.#make(entry);
    // Whoever opens a room's address wants to hear it.
    first.store.ear.value = { ...first.store.ear.value, muted: false };
    this.selected = signal(first);
    first.session.selected = true;
    this.channels = signal([first]);
    this.#watch(first);
    this.#ends.set(null, effect(() => this.#tidy()));
    document.addEventListener("visibilitychange", () => (this.#hidden.value = document.hidden), { signal: this.#stop.signal });
  }

  /** Comes into the first room, and then into the kept ones. Call it from a click. */
  async talk(name: string): Promise<void> {
    this.#name = name;
    await this.selected.peek().session.talk(name, this.#choices.microphone.peek());
    this.#joinKept();
  }

  async listen(name: string): Promise<void> {
    this.#name = name;
    this.voice.close();
    await this.selected.peek().session.join(name, "listener");
    this.#joinKept();
  }

  /** Opens the microphone anew, or first of all by who came to listen. Call it from a click. */
  async turnOnMicrophone(): Promise<void> {
    try {
      await this.voice.open(this.#choices.microphone.peek());
    } catch (error) {
      this.voice.store.problem.value = (error as Error).message;
      return;
    }
    await Promise.all(this.channels.peek().map(({ session }) => session.becomeTalker()));
  }

  /** Another device, or other cleaning, for an open microphone. */
  async changeMicrophone(): Promise<void> {
    if (this.voice.store.open.peek()) await this.turnOnMicrophone();
  }

  /** Listens to one more room; null, or why not. */
  add(room: string): string | null {
    const rooms = this.channels.peek().map(({ store }) => store.room);
    const problem = addProblem(room, rooms);
    if (problem !== null) return problem;
    this.#open(room);
    this.#keep();
    return null;
  }

  remove(channel: Channel): void {
    const rest = this.channels.peek().filter((it) => it !== channel);
    const [first] = rest;
    if (first === undefined) return;
    if (this.selected.peek() === channel) this.select(first);
    this.channels.value = rest;
    this.#ends.get(channel)?.();
    this.#ends.delete(channel);
    channel.session.dispose();
    this.#keep();
  }

  /** Talks into this one from now on. */
  select(channel: Channel): void {
    const before = this.selected.peek();
    if (before !== channel) {
      before.session.selected = false;
      this.selected.value = channel;
      channel.session.selected = true;
    }
    channel.store.missed.value = attend(channel.store.missed.peek());
  }

  setEar(channel: Channel, ear: Ear): void {
    channel.store.ear.value = ear;
    if (loudness(ear) > 0) channel.store.missed.value = attend(channel.store.missed.peek());
    this.#keep();
  }

  /** Plays and shakes, if the person wants it or has asked for it. */
  sound(tone: Tone, asked = false): void {
    if (!asked && !this.#choices.tones.peek()) return;
    playTone(tone);
    vibrate(tone);
  }

  dismiss(call: CallLight): void {
    this.calls.value = this.calls.peek().filter((it) => it !== call);
  }

  leave(): void {
    this.calls.value = [];
    for (const { session } of this.channels.peek()) session.leave();
    this.voice.close();
  }

  /** Leaves for good: the page shows something else now. */
  dispose(): void {
    for (const end of this.#ends.values()) end();
    for (const { session } of this.channels.peek()) session.dispose();
    this.voice.dispose();
    this.#stop.abort();
  }

  #make(room: string): Channel {
    const store = new RoomStore(room, this.voice.store);
    store.ear.value = this.#choices.kept.peek().ears[room] ?? FULL;
    const session = new RoomSession(store, this.voice, {
      sound: (tone) => this.sound(tone),
      welcome: () => this.#choices.direct.peek(),
    });
    return { store, session };
  }

  #open(room: string): void {
    const channel = this.#make(room);
    this.channels.value = [...this.channels.peek(), channel];
    this.#watch(channel);
    void channel.session.join(this.#name, this.voice.store.open.peek() ? "talker" : "listener");
  }

  #joinKept(): void {
    const [first] = this.channels.peek();
    if (first === undefined || !inside(first.store.session.peek())) return;
    const here = new Set(this.channels.peek().map(({ store }) => store.room));
    for (const room of channelsOf(first.store.room, this.#choices.kept.peek())) if (!here.has(room)) this.#open(room);
    for (const { store, session } of this.channels.peek()) {
      // Channels that were left with the first room come back with it.
      const { at } = store.session.peek();
      if (at === "lobby" || at === "ended") void session.join(this.#name, this.voice.store.open.peek() ? "talker" : "listener");
    }
  }

  #watch(channel: Channel): void {
    const { store } = channel;
    const ends = [
      effect(() => {
        const names = store.talkers.value;
        const attended = !this.#hidden.value && loudness(store.ear.value) > 0;
        untracked(() => (store.missed.value = hearBurst(store.missed.peek(), names, attended, performance.now())));
      }),
      effect(() => {
        const call = store.alert.value;
        if (call !== null) untracked(() => this.#called(store, call));
      }),
    ];
    this.#ends.set(channel, () => ends.forEach((end) => end()));
  }

  #called(store: RoomStore, { from, name, to }: Message<"alert">): void {
    const own = store.own.peek();
    if ((from !== undefined && from === own) || (to !== undefined && to !== own)) return;
    const key = `${store.room} ${from ?? ""} ${name}`;
    const others = this.calls.peek().filter((call) => call.key !== key);
    this.calls.value = [...others, { key, room: store.room, name, alone: to !== undefined }];
    this.sound("alert");
  }

  /** A room that has ended is talked to no more; and who is in no room needs no microphone. */
  #tidy(): void {
    const channels = this.channels.value;
    const [first] = channels;
    const selected = this.selected.value;
    const { at } = selected.store.session.value;
    const busy = channels.some(({ store }) => !["lobby", "ended"].includes(store.session.value.at));
    untracked(() => {
      if (first !== undefined && selected !== first && (at === "ended" || at === "lobby")) this.select(first);
      if (this.#busy && !busy) this.voice.close();
      this.#busy = busy;
    });
  }

  #keep(): void {
    const channels = this.channels.peek();
    const kept = this.#choices.kept.peek();
    const ears = { ...kept.ears };
    for (const { store } of channels) ears[store.room] = store.ear.peek();
    this.#choices.kept.value = { rooms: channels.slice(1).map(({ store }) => store.room), ears };
  }
}
