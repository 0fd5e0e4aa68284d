/**
 * A direct call: two pages of an open room speak peer to peer, the server passing only offers. The room's
 * connection stays. A page speaks to the room until the other says that it hears the direct way, and again
 * from the moment at which either goes back.
 */

import { effect, untracked } from "@preact/signals";
import { partner, readWord, type DirectEnd, type DirectWord } from "../state/direct";
import type { Direct, RoomStore } from "../state/store";
import { withStereo } from "./sdp";

const LOOK_MS = 200;
/** Sound comes 50 times a second, silence too: without any for so long the way is broken. */
const SILENT_MS = 600;
/** Two that find no way by now will find none. */
const FIND_MS = 6000;
/** Who goes back listens so long to the other, who has not heard of it yet. */
const FAREWELL_MS = 400;
/** Why it ended is read so long. */
const READ_MS = 8000;

interface Ways {
  say(to: string, word: DirectWord): void;
  /** What would be sent to the room: the microphone behind its gate. */
  track(): MediaStreamTrack | null;
  /** Whether others may call directly. */
  welcome(): boolean;
  /** `muted` has changed. */
  changed(): void;
}

export class DirectCall {
  readonly #store: RoomStore;
  readonly #ways: Ways;
  #call: Call | null = null;
  readonly #end: () => void;

  constructor(store: RoomStore, ways: Ways) {
    this.#store = store;
    this.#ways = ways;
    // A third who comes in, one who leaves, a room that gets a floor: all end it.
    this.#end = effect(() => {
      const other = partner(store.view.value?.room, store.own.value);
      untracked(() => {
        if (this.#call !== null && other !== this.#call.to) this.#finish(this.#why(this.#call.to));
      });
    });
  }

  /** The room is to get nothing: the other hears the direct way. */
  get muted(): boolean {
    return this.#call?.heard === true;
  }

  /** Calls the other one in the room. */
  async call(): Promise<void> {
    const to = partner(this.#store.view.peek()?.room, this.#store.own.peek());
    if (to === null || this.#call !== null) return;
    const call = this.#begin(to);
    const { pc } = call;
    pc.addTransceiver(this.#ways.track() ?? "audio", { direction: "sendrecv" });
    await this.#orFail(call, async () => {
      const offer = await pc.createOffer();
      await pc.setLocalDescription({ type: "offer", sdp: withStereo(offer.sdp ?? "") });
      this.#ways.say(to, { type: "offer", sdp: pc.localDescription?.sdp ?? "" });
    });
  }

  back(): void {
    this.#finish("back");
  }

  /** Something that another page said to this one. */
  hear(from: string, data: string): void {
    const word = readWord(data);
    if (word === null || from !== partner(this.#store.view.peek()?.room, this.#store.own.peek())) return;
    const call = this.#call;
    switch (word.type) {
      case "offer":
        void this.#answer(from, word.sdp);
        return;
      case "answer":
        if (call !== null) void this.#orFail(call, () => call.describe({ type: "answer", sdp: word.sdp }));
        return;
      case "candidate":
        call?.candidate(word.candidate);
        return;
      case "hearing":
        if (call === null) return;
        call.heard = true;
        this.#ways.changed();
        return;
      case "end":
        if (call !== null) this.#close(call, word.why, 0);
        return;
    }
  }

  /** The microphone was changed. */
  send(track: MediaStreamTrack | null): void {
    void this.#call?.pc.getSenders()[0]?.replaceTrack(track);
  }

  dispose(): void {
    if (this.#call !== null) this.#finish("back");
    this.#end();
  }

  async #answer(from: string, sdp: string): Promise<void> {
    if (!this.#ways.welcome()) return this.#ways.say(from, { type: "end", why: "declined" });
    // Both have called at once: the call of the one whose id comes first holds.
    if (this.#call !== null && (this.#store.own.peek() ?? "") < from) return;
    if (this.#call !== null) this.#drop(this.#call);
    const call = this.#begin(from);
    const { pc } = call;
    await this.#orFail(call, async () => {
      await call.describe({ type: "offer", sdp });
      const [transceiver] = pc.getTransceivers();
      if (transceiver !== undefined) {
        transceiver.direction = "sendrecv";
        await transceiver.sender.replaceTrack(this.#ways.track());
      }
      const answer = await pc.createAnswer();
      await pc.setLocalDescription({ type: "answer", sdp: withStereo(answer.sdp ?? "") });
      this.#ways.say(from, { type: "answer", sdp: pc.localDescription?.sdp ?? "" });
    });
  }

  #begin(to: string): Call {
    const call = new Call(to);
    this.#call = call;
    this.#store.direct.value = { at: "calling" };
    const { pc } = call;
    pc.ontrack = ({ track }) => {
      this.#store.directStream.value = new MediaStream([track]);
    };
    pc.onicecandidate = ({ candidate }) => {
      if (candidate !== null) this.#ways.say(to, { type: "candidate", candidate: candidate.toJSON() });
    };
    pc.onconnectionstatechange = () => {
      if (pc.connectionState === "failed" || pc.connectionState === "disconnected") this.#finish("failed");
    };
    call.timer = setInterval(() => void this.#look(call), LOOK_MS);
    return call;
  }

  /** Whether sound comes: then the direct way is heard; without any it is given up. */
  async #look(call: Call): Promise<void> {
    const { packets, roundTripMs } = await call.figures();
    if (call !== this.#call) return;
    const now = performance.now();
    // While this page itself was held up it cannot say that nothing came.
    const heldUp = now - call.lookedAt > 2 * LOOK_MS;
    call.lookedAt = now;
    if (packets > call.packets || heldUp) call.soundAt = now;
    call.packets = packets;
    if (call.hears) {
      if (now - call.soundAt > SILENT_MS) return this.#finish("failed");
      this.#store.direct.value = { at: "direct", roundTripMs };
    } else if (call.packets > 0) {
      call.hears = true;
      this.#store.direct.value = { at: "direct", roundTripMs };
      this.#ways.say(call.to, { type: "hearing" });
    } else if (now - call.begunAt > FIND_MS) {
      this.#finish("failed");
    }
  }

  #finish(why: DirectEnd): void {
    const call = this.#call;
    if (call === null) return;
    this.#ways.say(call.to, { type: "end", why });
    this.#close(call, why, FAREWELL_MS);
  }

  #close(call: Call, why: DirectEnd, farewellMs: number): void {
    clearInterval(call.timer);
    this.#call = null;
    const ended: Direct = { at: "none", ended: why };
    this.#store.direct.value = ended;
    setTimeout(() => {
      if (this.#store.direct.peek() === ended) this.#store.direct.value = { at: "none", ended: null };
    }, READ_MS);
    this.#ways.changed();
    const stream = this.#store.directStream.peek();
    setTimeout(() => {
      call.close();
      if (this.#store.directStream.peek() === stream && this.#call === null) this.#store.directStream.value = null;
    }, farewellMs);
  }

  #drop(call: Call): void {
    clearInterval(call.timer);
    call.close();
    this.#call = null;
  }

  #why(to: string): DirectEnd {
    const others = this.#store.view.peek()?.room.tracks.some((t) => t.id === to) === true;
    return others ? "third" : "back";
  }

  async #orFail(call: Call, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch {
      if (call === this.#call) this.#finish("failed");
    }
  }
}

/** One try: its connection and how far it has come. */
class Call {
  readonly to: string;
  readonly pc = new RTCPeerConnection();
  readonly begunAt = performance.now();
  /** The other hears the direct way. */
  heard = false;
  /** We hear it. */
  hears = false;
  packets = 0;
  soundAt = 0;
  lookedAt = 0;
  timer: ReturnType<typeof setInterval> | undefined;
  /** Candidates that came before the description they belong to. */
  #early: RTCIceCandidateInit[] | null = [];

  constructor(to: string) {
    this.to = to;
  }

  async describe(description: RTCSessionDescriptionInit): Promise<void> {
    await this.pc.setRemoteDescription(description);
    const early = this.#early ?? [];
    this.#early = null;
    for (const candidate of early) this.candidate(candidate);
  }

  candidate(candidate: RTCIceCandidateInit): void {
    if (this.#early !== null) this.#early.push(candidate);
    // A candidate that cannot be used is one way less.
    else this.pc.addIceCandidate(candidate).catch(() => {});
  }

  async figures(): Promise<{ packets: number; roundTripMs: number | null }> {
    let packets = 0;
    let roundTripMs: number | null = null;
    const stats = await this.pc.getStats();
    for (const entry of stats.values() as Iterable<RTCStats & RTCIceCandidatePairStats & RTCInboundRtpStreamStats>) {
      if (entry.type === "inbound-rtp") packets = entry.packetsReceived ?? 0;
      if (entry.type === "candidate-pair" && entry.nominated && entry.currentRoundTripTime !== undefined) {
        roundTripMs = entry.currentRoundTripTime * 1000;
      }
    }
    return { packets, roundTripMs };
  }

  close(): void {
    this.pc.ontrack = this.pc.onicecandidate = this.pc.onconnectionstatechange = null;
    this.pc.close();
  }
}
