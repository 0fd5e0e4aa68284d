/**
 * One person in one room: does what `state/session.ts` decides. Owns the peer connection, the
 * WebSocket, the microphone and the timers; nothing else of the page speaks to the network.
 */

import { microphoneSentence, worthRetrying } from "../state/words";
import { receive } from "../state/room";
import { step, type Part, type SessionEvent } from "../state/session";
import { isTalking, RELEASED } from "../state/talk";
import type { RoomStore } from "../state/store";
import { isReady, RequestError } from "./api";
import { Desk } from "./desk";
import { clientId } from "./identity";
import { Microphone, MicrophoneError } from "./microphone";
import { Peer } from "./peer";
import { Socket } from "./socket";
import type { ServerMessage } from "./wire";

const ROUND_TRIP_EVERY_MS = 2000;
/** The reason for which one's track has left comes within this time. */
const FAREWELL_MS = 500;

export class RoomSession {
  readonly desk: Desk;
  readonly #store: RoomStore;
  #name = "";
  #peer: Peer | null = null;
  #socket: Socket | null = null;
  #microphone: Microphone | null = null;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Counts attempts: what an older attempt still brings is thrown away. */
  #attempt = 0;
  readonly #stop = new AbortController();

  constructor(store: RoomStore) {
    this.#store = store;
    this.desk = new Desk(store, (command) => this.#socket?.send(command) ?? null);
    store.talk.subscribe(() => this.#gate());
    const { signal } = this.#stop;
    addEventListener("pagehide", () => this.leave(), { signal });
    addEventListener("online", () => this.#tryNow(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#tryNow(), { signal });
    const timer = setInterval(() => void this.#measure(), ROUND_TRIP_EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** Asks for the microphone and joins with it. Call it from a click. */
  async talk(name: string, cleanUp: boolean): Promise<void> {
    this.#dispatch({ is: "ask" });
    const attempt = this.#attempt;
    try {
      const microphone = await Microphone.open(cleanUp);
      if (attempt !== this.#attempt) return microphone.stop();
      this.#use(microphone);
    } catch (error) {
      this.#dispatch({ is: "no microphone", sentence: microphoneSentence(reasonOf(error)) });
      return;
    }
    await this.#join(name, "talker");
  }

  /** Joins to listen. Call it from a click. */
  async listen(name: string): Promise<void> {
    await this.#join(name, "listener");
  }

  /** Opens the microphone again, or first of all by who came to listen. */
  async turnOnMicrophone(cleanUp: boolean): Promise<void> {
    try {
      this.#use(await Microphone.open(cleanUp));
    } catch (error) {
      this.#store.microphoneProblem.value = microphoneSentence(reasonOf(error));
      return;
    }
    const session = this.#store.session.peek();
    const track = this.#microphone?.track;
    if (session.at === "live" && session.part === "talker" && track !== undefined) {
      await this.#peer?.send(track);
    } else {
      this.#dropPeer("hang up");
      await this.#join(this.#name, "talker");
    }
  }

  /** How loud the own microphone is now, dBFS. */
  microphoneLevel(): number {
    return this.#microphone?.level() ?? -127;
  }

  /** Hangs up and forgets the room. */
  leave(): void {
    this.#attempt += 1;
    clearTimeout(this.#retry);
    this.#dropPeer("hang up");
    this.#dropSocket();
    this.#dropMicrophone();
    this.#store.view.value = null;
    this.#store.talk.value = RELEASED;
    this.#store.meters.clear();
    this.#dispatch({ is: "left" });
  }

  /** Leaves for good: the page shows something else now. */
  dispose(): void {
    this.leave();
    this.#stop.abort();
  }

  async #join(name: string, part: Part): Promise<void> {
    this.#name = name;
    this.#dispatch({ is: "join", part });
    await this.#connect(part);
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
          microphone: part === "talker" ? (this.#microphone?.track ?? null) : null,
        });
        if (stale()) return peer.hangUp();
        this.#adopt(peer, part);
      }
      if (this.#socket === null) await this.#subscribe(stale);
      if (stale()) return;
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
        if (got.resubscribe) void this.#resubscribe();
        if (message.type === "patch" && message.changes.some((c) => c.change === "left" && c.id === this.#peer?.trackId)) {
          void this.#takenOut();
        }
        return;
      }
      case "meters":
        store.meters.hear(message.levels, message.master_dbfs, performance.now());
        return;
      case "event":
        store.log(message.at, message.address, message.event);
        return;
      case "reply":
        this.desk.answered(message.ref, message.problem);
        return;
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
    void this.#measure();
  }

  #use(microphone: Microphone): void {
    this.#dropMicrophone();
    this.#microphone = microphone;
    this.#store.microphone.value = true;
    this.#store.microphoneProblem.value = null;
    this.#gate();
    microphone.onended = () => {
      this.#dropMicrophone();
      this.#store.microphoneProblem.value = microphoneSentence("ended");
    };
  }

  #gate(): void {
    if (this.#microphone !== null) this.#microphone.talking = isTalking(this.#store.talk.peek());
  }

  #failed(error: Error): void {
    const hopeless = error instanceof RequestError && !worthRetrying(error.status);
    if (!hopeless) return this.#lost(error.message);
    this.#dropSocket();
    this.#dropPeer("hang up");
    this.#dropMicrophone();
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
    this.#dropMicrophone();
    this.#store.talk.value = RELEASED;
    this.#dispatch({ is: "ended", why });
  }

  #dropPeer(how: "hang up" | "forget"): void {
    if (how === "hang up") this.#peer?.hangUp();
    else this.#peer?.close();
    this.#peer = null;
    this.#store.own.value = null;
    this.#store.stream.value = null;
    this.#store.roundTripMs.value = null;
  }

  #dropSocket(): void {
    this.#socket?.close();
    this.#socket = null;
    this.desk.forget();
  }

  #dropMicrophone(): void {
    this.#microphone?.stop();
    this.#microphone = null;
    this.#store.microphone.value = false;
  }

  async #measure(): Promise<void> {
    const peer = this.#peer;
    const roundTrip = (await peer?.roundTripMs()) ?? null;
    if (peer === this.#peer) this.#store.roundTripMs.value = roundTrip;
  }

  #dispatch(event: SessionEvent): void {
    this.#store.session.value = step(this.#store.session.peek(), event);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof MicrophoneError ? error.reason : (error as Error).name;
}
