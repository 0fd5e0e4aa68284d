/**
 * One person in one room: does what `state/session.ts` decides. Owns the peer connection, the WebSocket
 * and the timers. The microphone is the page's; it speaks into the one channel that is selected.
 */

import { effect, untracked } from "@preact/signals";
import { AS_AT_THE_DESK, patched } from "../state/mine";
import { worthRetrying } from "../state/words";
import { receive } from "../state/room";
import { step, type Part, type SessionEvent } from "../state/session";
import { RELEASED } from "../state/talk";
import type { RoomStore } from "../state/store";
import type { Tone } from "../state/tones";
import { isReady, personalMix, RequestError } from "./api";
import { Desk } from "./desk";
import { DirectCall } from "./direct";
import { clientId } from "./identity";
import type { MicrophoneChoice } from "./microphone";
import { Peer } from "./peer";
import { Socket } from "./socket";
import { Talker } from "./talker";
import type { Voice } from "./voice";
import type { Command, FloorAnswer, PersonalPatch, ServerMessage } from "./wire";

const ROUND_TRIP_EVERY_MS = 2000;
/** The reason for which one's track has left comes within this time. */
const FAREWELL_MS = 500;

interface Asked {
  resolve(answer: FloorAnswer | null): void;
  reject(error: Error): void;
}

export interface SessionWays {
  sound(tone: Tone): void;
  /** Whether others may call directly. */
  welcome(): boolean;
}

export class RoomSession {
  readonly desk: Desk;
  readonly direct: DirectCall;
  readonly #store: RoomStore;
  readonly #voice: Voice;
  readonly #talker: Talker;
  readonly #ends: (() => void)[] = [];
  /** The microphone speaks into this room. */
  #selected = false;
  #name = "";
  #peer: Peer | null = null;
  #socket: Socket | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Counts attempts: what an older attempt still brings is thrown away. */
  #attempt = 0;
  /** Who waits for the reply with this number. */
  readonly #asked = new Map<number, Asked>();
  readonly #stop = new AbortController();

  constructor(store: RoomStore, voice: Voice, ways: SessionWays) {
    this.#store = store;
    this.#voice = voice;
    this.desk = new Desk(store, {
      send: (command) => this.#socket?.send(command) ?? null,
      ask: (command) => this.ask(command),
      wish: (patch) => this.wish(patch),
    });
    this.direct = new DirectCall(store, {
      say: (to, word) => this.#tell((from) => ({ command: "signal", from, to, data: JSON.stringify(word) })),
      track: () => (this.#selected ? voice.store.track.peek() : null),
      welcome: () => this.#selected && ways.welcome(),
      changed: () => this.#feed(),
    });
    this.#talker = new Talker(store, {
      gate: (open) => this.#selected && voice.gate(open),
      ask: (command) => this.ask(command),
      sound: (tone) => this.#selected && ways.sound(tone),
    });
    this.#ends.push(
      effect(() => {
        const track = voice.store.track.value;
        untracked(() => {
          this.#feed();
          this.direct.send(this.#selected ? track : null);
        });
      }),
    );
    const { signal } = this.#stop;
    addEventListener("pagehide", () => this.leave(), { signal });
    addEventListener("online", () => this.#tryNow(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#tryNow(), { signal });
    const timer = setInterval(() => void this.#measure(), ROUND_TRIP_EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** Whether the microphone speaks into this room. What was held here is let go of. */
  set selected(on: boolean) {
    if (on === this.#selected) return;
    if (!on) {
      this.#store.talk.value = RELEASED;
      this.#talker.stop();
      this.direct.back();
    }
    this.#selected = on;
    this.#feed();
  }

  /** Asks for the microphone and joins with it. Call it from a click. */
  async talk(name: string, choice: MicrophoneChoice): Promise<void> {
    this.#dispatch({ is: "ask" });
    const attempt = this.#attempt;
    try {
      await this.#voice.open(choice);
    } catch (error) {
      this.#dispatch({ is: "no microphone", sentence: (error as Error).message });
      return;
    }
    if (attempt === this.#attempt) await this.join(name, "talker");
  }

  /** Joins with the microphone that is open, or to listen. */
  async join(name: string, part: Part): Promise<void> {
    this.#name = name;
    this.#dispatch({ is: "join", part });
    await this.#connect(part);
  }

  /** Who came to listen talks from now on: the server wants a new connection for that. */
  async becomeTalker(): Promise<void> {
    const session = this.#store.session.peek();
    if (session.at === "lobby" || session.at === "ended" || session.at === "asking") return;
    if (session.part === "talker") return;
    this.#dropPeer("hang up");
    await this.join(this.#name, "talker");
  }

  /**
   * Sends one command and waits for its reply: null, or what became of a `floor` command. Rejects with
   * the server's words when it is refused, and when the line is or goes down.
   */
  ask(command: Command): Promise<FloorAnswer | null> {
    return new Promise((resolve, reject) => {
      const reference = this.#socket?.send(command) ?? null;
      if (reference === null) return reject(new Error("The line is down."));
      this.#asked.set(reference, { resolve, reject });
    });
  }

  /** Lights the call light of everybody here, or of one. Rejects with the server's words. */
  async alert(to?: string): Promise<void> {
    const from = this.#store.own.peek();
    await this.ask({ command: "alert", ...(from !== null && { from }), ...(to !== undefined && { to }) });
  }

  /** Reads the personal mix from the server. */
  async readMix(): Promise<void> {
    const peer = this.#peer;
    if (peer === null || this.#store.mine.peek() !== null) return;
    try {
      this.#store.mine.value = await personalMix(this.#store.room, peer.trackId);
    } catch {
      // A listener's own sliders start in the middle then.
    }
  }

  /** Changes the personal mix: shown at once, and taken back if the server refuses it. */
  wish(patch: PersonalPatch): void {
    const peer = this.#peer;
    if (peer === null) return;
    const before = this.#store.mine.peek();
    this.#store.mine.value = patched(before ?? AS_AT_THE_DESK, patch);
    this.ask({ command: "set_mix", id: peer.trackId, ...patch }).catch((error: Error) => {
      this.#store.mine.value = before;
      this.#store.notice.value = error.message;
    });
  }

  /** How loud the own microphone is now, dBFS. */
  microphoneLevel(): number {
    return this.#voice.level();
  }

  /** Hangs up and forgets the room. */
  leave(): void {
    this.#attempt += 1;
    clearTimeout(this.#retry);
    this.direct.back();
    this.#dropPeer("hang up");
    this.#dropSocket();
    this.#letGo();
    this.#store.view.value = null;
    this.#store.meters.clear();
    this.#dispatch({ is: "left" });
  }

  /** Leaves for good: the page shows something else now. */
  dispose(): void {
    this.leave();
    this.#talker.dispose();
    this.direct.dispose();
    for (const end of this.#ends) end();
    this.#stop.abort();
  }

  /** One try: keeps what still works, makes what is missing. */
  async #connect(part: Part): Promise<void> {
    this.#attempt += 1;
    const attempt = this.#attempt;
    const stale = () => attempt !== this.#attempt;
    try {
      if (this.#peer !== null && !(await this.#peer.isJoined())) this.#dropPeer("forget");
      if (stale()) return;
      if (this.#peer === null) {
        const peer = await Peer.join({
          room: this.#store.room,
          name: this.#name,
          clientId: clientId(),
          role: part,
          microphone: part === "talker" ? this.#sent() : null,
        });
        if (stale()) return peer.hangUp();
        this.#adopt(peer, part);
      }
      if (this.#socket === null) await this.#subscribe(stale);
      if (stale()) return;
      this.#identify();
      this.#dispatch({ is: "opened", now: performance.now() });
    } catch (error) {
      if (stale()) return;
      this.#failed(error as Error);
    }
  }

  async #subscribe(stale: () => boolean): Promise<void> {
    const socket = await Socket.open(this.#store.room, {
      message: (message) => this.#receive(message),
      closed: () => {
        this.#dropSocket();
        this.#lost("The connection to the server broke.");
      },
    });
    if (stale()) return socket.close();
    this.#socket = socket;
  }

  #receive(message: ServerMessage): void {
    const store = this.#store;
    switch (message.type) {
      case "snapshot":
      case "patch": {
        const got = receive(store.view.peek(), message);
        store.view.value = got.view;
        this.desk.settle();
        if (message.type === "patch") {
          for (const change of message.changes) {
            if (change.change !== "floor") continue;
            store.floorEvents.value = change.events;
            this.#talker.hear(change.events);
          }
        }
        if (got.resubscribe) void this.#resubscribe();
        if (message.type === "patch" && message.changes.some((c) => c.change === "left" && c.id === this.#peer?.trackId)) {
          void this.#takenOut();
        }
        return;
      }
      case "meters":
        store.meters.hear(message, performance.now());
        store.master.value = message;
        return;
      case "stats":
        store.stats.value = message;
        return;
      case "alert":
        store.alert.value = message;
        return;
      case "signal":
        store.signal.value = message;
        if (message.to === store.own.peek()) this.direct.hear(message.from, message.data);
        return;
      case "event":
        store.log(message.at, message.address, message.event);
        return;
      case "reply": {
        const asked = message.ref === undefined ? undefined : this.#asked.get(message.ref);
        if (asked === undefined || message.ref === undefined) return this.desk.answered(message.ref, message.problem);
        this.#asked.delete(message.ref);
        if (message.problem === undefined) asked.resolve(message.floor ?? null);
        else asked.reject(new RequestError(message.problem.status, message.problem));
        return;
      }
      case "closed":
        if (message.reason === "room closed") this.#end("The room was closed.");
        return;
      default:
        // A newer server may say things that this client does not know.
        return;
    }
  }

  /** A version is missing: a new WebSocket starts with a new snapshot. The sound goes on. */
  async #resubscribe(): Promise<void> {
    if (this.#socket === null) return;
    this.#dropSocket();
    const attempt = this.#attempt;
    try {
      await this.#subscribe(() => attempt !== this.#attempt);
      if (attempt === this.#attempt) this.#identify();
    } catch {
      if (attempt === this.#attempt) this.#lost("The connection to the server broke.");
    }
  }

  /** The own track has left without our doing. A server that stops is not ready, and a room that
   * closes says so right after. */
  async #takenOut(): Promise<void> {
    const peer = this.#peer;
    // From here on it is decided here whether to come back.
    if (peer !== null) peer.onlost = null;
    const ready = await isReady();
    await new Promise((later) => setTimeout(later, FAREWELL_MS));
    if (this.#peer !== peer || peer === null) return;
    if (ready) this.#end("You were taken out of the room: at the desk, or because you came in again elsewhere.");
    else this.#lost("The server is stopping.");
  }

  #adopt(peer: Peer, part: Part): void {
    this.#peer = peer;
    peer.onlost = () => {
      this.#dropPeer("hang up");
      this.#lost("The sound connection broke.");
    };
    this.#store.own.value = part === "talker" ? peer.trackId : null;
    this.#store.stream.value = peer.stream;
    this.#feed();
    void this.#measure();
  }

  /** What this room gets: the microphone if it is selected, and the direct way is not heard instead. */
  #sent(): MediaStreamTrack | null {
    return this.#selected && !this.direct.muted ? this.#voice.store.track.peek() : null;
  }

  #feed(): void {
    const session = this.#store.session.peek();
    const talks = (session.at === "live" || session.at === "joining" || session.at === "waiting") && session.part === "talker";
    // A connection that has just gone needs nothing.
    if (talks) this.#peer?.send(this.#sent()).catch(() => {});
  }

  /** From here on the server passes on what others say to this page. */
  #identify(): void {
    this.#tell((id) => ({ command: "identify", id }));
  }

  /** A command in the own track's name, whose answer changes nothing here. */
  #tell(command: (own: string) => Command): void {
    const own = this.#store.own.peek();
    if (own !== null) this.ask(command(own)).catch(() => {});
  }

  #letGo(): void {
    this.#store.talk.value = RELEASED;
    this.#talker.stop();
  }

  #failed(error: Error): void {
    const hopeless = error instanceof RequestError && !worthRetrying(error.status);
    if (!hopeless) return this.#lost(error.message);
    this.#dropSocket();
    this.#dropPeer("hang up");
    this.#letGo();
    this.#dispatch({ is: "refused", sentence: error.message });
  }

  #lost(why: string): void {
    this.#attempt += 1;
    clearTimeout(this.#retry);
    this.#dispatch({ is: "lost", why, now: performance.now() });
    const session = this.#store.session.peek();
    if (session.at === "waiting") this.#retry = setTimeout(() => this.#tryNow(), session.until - performance.now());
  }

  #tryNow(): void {
    const session = this.#store.session.peek();
    if (session.at !== "waiting") return;
    clearTimeout(this.#retry);
    this.#dispatch({ is: "due" });
    void this.#connect(session.part);
  }

  /** The server has ended it: there is nothing to hang up. */
  #end(why: string): void {
    this.#attempt += 1;
    clearTimeout(this.#retry);
    this.#dropSocket();
    this.#dropPeer("forget");
    this.#letGo();
    this.#dispatch({ is: "ended", why });
  }

  #dropPeer(how: "hang up" | "forget"): void {
    if (how === "hang up") this.#peer?.hangUp();
    else this.#peer?.close();
    this.#peer = null;
    this.#store.own.value = null;
    this.#store.mine.value = null;
    this.#store.stream.value = null;
    this.#store.roundTripMs.value = null;
  }

  #dropSocket(): void {
    this.#socket?.close();
    this.#socket = null;
    this.desk.forget();
    for (const { reject } of this.#asked.values()) reject(new Error("The line is down."));
    this.#asked.clear();
  }

  async #measure(): Promise<void> {
    const peer = this.#peer;
    const roundTrip = (await peer?.roundTripMs()) ?? null;
    if (peer !== this.#peer) return;
    this.#store.roundTripMs.value = roundTrip;
    if (roundTrip !== null) this.#tell((id) => ({ command: "report", id, rtt_ms: Math.round(roundTrip * 10) / 10 }));
  }

  #dispatch(event: SessionEvent): void {
    this.#store.session.value = step(this.#store.session.peek(), event);
  }
}
