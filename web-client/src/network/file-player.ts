/**
 * Files played into the room from this browser: decoded here, sent by WHIP over a connection of their
 * own, so that each is a strip like any other. Who leaves the page takes the files along.
 */

import { signal } from "@preact/signals";
import type { DeskState } from "../state/desk";
import type { RoomStore } from "../state/store";
import { waveform } from "../state/waveform";
import { hangUp, postWhip } from "./api";
import { connected } from "./peer";
import { withStereo } from "./sdp";

/** The server's frames are at this rate: what is decoded at it is not resampled again. */
const RATE = 48_000;
/** Music, stereo. */
const BITS_PER_S = 160_000;
/** Pausing and seeking fade this long, so that nothing clicks. */
const FADE_S = 0.008;
/** What is still on its way to the server when the last sample has been played. */
const TAIL_MS = 400;
const PICTURE_COLUMNS = 400;

export type FileAt = "reading" | "joining" | "playing" | "paused" | "failed";

/** All files that play from here. */
export class FileDeck {
  readonly #store: RoomStore;
  readonly #state: DeskState;
  readonly #stop = new AbortController();
  readonly #unsubscribe: () => void;
  #context: AudioContext | null = null;
  #count = 0;

  constructor(store: RoomStore, state: DeskState) {
    this.#store = store;
    this.#state = state;
    addEventListener("pagehide", () => this.dispose(), { signal: this.#stop.signal });
    this.#unsubscribe = store.view.subscribe((view) => {
      const there = new Set(view?.room.tracks.map((t) => t.id));
      for (const player of state.files.peek()) player.look(there);
    });
  }

  /** Plays a file as soon as it is read. Call it from a click or a drop. */
  play(file: File): void {
    this.#context ??= new AudioContext({ sampleRate: RATE });
    void this.#context.resume();
    this.#count += 1;
    const player = new FilePlayer(this.#count, file, this.#store.room, this.#context, () => {
      this.#state.files.value = this.#state.files.peek().filter((p) => p !== player);
    });
    this.#state.files.value = [...this.#state.files.peek(), player];
    void player.start();
  }

  /** Ends all of them. */
  dispose(): void {
    for (const player of this.#state.files.peek()) player.stop();
    this.#unsubscribe();
    this.#stop.abort();
    void this.#context?.close();
    this.#context = null;
  }
}

export class FilePlayer {
  readonly key: number;
  readonly name: string;
  readonly at = signal<FileAt>("reading");
  /** Why it does not play, in a sentence. */
  readonly problem = signal<string | null>(null);
  readonly loop = signal(false);
  /** Seconds; 0 until it is read. */
  readonly duration = signal(0);
  /** The largest sample of each column; null until it is read. */
  picture: Float32Array | null = null;
  readonly #file: File;
  readonly #room: string;
  readonly #context: AudioContext;
  readonly #gone: () => void;
  #buffer: AudioBuffer | null = null;
  #out: MediaStreamAudioDestinationNode | null = null;
  #source: { node: AudioBufferSourceNode; gain: GainNode } | null = null;
  #pc: RTCPeerConnection | null = null;
  #location: string | null = null;
  #seen = false;
  /** The strips of the room, as of the last look. */
  #there: ReadonlySet<string> = new Set();
  #ended = false;
  /** The position at `#since` of the context's clock, seconds. */
  #from = 0;
  #since = 0;

  constructor(key: number, file: File, room: string, context: AudioContext, gone: () => void) {
    this.key = key;
    this.name = file.name;
    this.#file = file;
    this.#room = room;
    this.#context = context;
    this.#gone = gone;
  }

  async start(): Promise<void> {
    try {
      this.#buffer = await this.#context.decodeAudioData(await this.#file.arrayBuffer());
    } catch {
      this.#fail("This browser cannot read it: it is no sound, or of a kind that it does not know.");
      return;
    }
    const buffer = this.#buffer;
    this.picture = waveform(Array.from({ length: buffer.numberOfChannels }, (_, i) => buffer.getChannelData(i)), PICTURE_COLUMNS);
    this.duration.value = buffer.duration;
    await this.#join();
  }

  /** The position now, seconds. */
  position(): number {
    if (this.#source === null) return this.#from;
    const at = this.#from + this.#context.currentTime - this.#since;
    const whole = this.duration.peek();
    return this.loop.peek() && whole > 0 ? at % whole : Math.min(at, whole);
  }

  pause(): void {
    if (this.at.peek() !== "playing") return;
    this.#silence();
    this.at.value = "paused";
  }

  /** Goes on, or tries again after it has failed. */
  play(): void {
    if (this.at.peek() === "failed" && this.#buffer !== null) void this.#join();
    if (this.at.peek() !== "paused") return;
    this.#sound();
    this.at.value = "playing";
  }

  seek(seconds: number): void {
    const playing = this.at.peek() === "playing";
    if (playing) this.#silence();
    this.#from = Math.min(Math.max(seconds, 0), this.duration.peek());
    if (playing) this.#sound();
  }

  setLoop(on: boolean): void {
    this.#from = this.position();
    this.#since = this.#context.currentTime;
    this.loop.value = on;
    if (this.#source !== null) this.#source.node.loop = on;
  }

  /** Ends it and takes its strip out of the room. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#silence();
    this.#hangUp();
    this.#gone();
  }

  /** Whether its strip is still there: who takes it out at the desk ends it. */
  look(there: ReadonlySet<string>): void {
    this.#there = there;
    const id = this.#location?.split("/").at(-1);
    if (id === undefined) return;
    if (there.has(id)) this.#seen = true;
    else if (this.#seen && this.at.peek() !== "failed") this.stop();
  }

  async #join(): Promise<void> {
    this.at.value = "joining";
    this.problem.value = null;
    this.#seen = false;
    const pc = new RTCPeerConnection();
    this.#pc = pc;
    try {
      this.#out = new MediaStreamAudioDestinationNode(this.#context, { channelCount: 2 });
      const [track] = this.#out.stream.getAudioTracks();
      if (track === undefined) throw new Error("This browser gives no sound to send.");
      track.contentHint = "music";
      const { sender } = pc.addTransceiver(track, { direction: "sendonly", sendEncodings: [{ maxBitrate: BITS_PER_S }] });
      const offer = await pc.createOffer();
      await pc.setLocalDescription({ type: "offer", sdp: withStereo(offer.sdp ?? "") });
      const strip = { name: stripName(this.name), kind: "file", bus: "program" };
      const { sdp, location } = await postWhip(this.#room, strip, pc.localDescription?.sdp ?? "");
      this.#location = location;
      // The strip may have come before the answer.
      this.look(this.#there);
      if (this.#ended) return this.#hangUp();
      await pc.setRemoteDescription({ type: "answer", sdp });
      await connected(pc);
      if (this.#ended || sender.track === null) return;
      pc.onconnectionstatechange = () => {
        if (pc.connectionState === "failed") this.#fail("Its line to the server broke.");
      };
      this.#sound();
      this.at.value = "playing";
    } catch (error) {
      if (!this.#ended) this.#fail((error as Error).message);
    }
  }

  /** From `#from` on. */
  #sound(): void {
    const out = this.#out;
    if (this.#buffer === null || out === null) return;
    const now = this.#context.currentTime;
    const gain = new GainNode(this.#context, { gain: this.#from > 0 ? 0 : 1 });
    gain.gain.setValueAtTime(gain.gain.value, now).linearRampToValueAtTime(1, now + FADE_S);
    const node = new AudioBufferSourceNode(this.#context, { buffer: this.#buffer, loop: this.loop.peek() });
    node.connect(gain).connect(out);
    node.onended = () => this.#playedOut();
    node.start(now, this.#from);
    this.#source = { node, gain };
    this.#since = now;
  }

  #silence(): void {
    const source = this.#source;
    if (source === null) return;
    this.#from = this.position();
    this.#source = null;
    const now = this.#context.currentTime;
    source.node.onended = () => source.gain.disconnect();
    source.gain.gain.setValueAtTime(1, now).linearRampToValueAtTime(0, now + FADE_S);
    source.node.stop(now + FADE_S);
  }

  /** The last sample has been given to the connection: the end is heard before it is hung up. */
  #playedOut(): void {
    const source = this.#source;
    setTimeout(() => {
      // Who has moved it to an earlier place meanwhile plays on.
      if (source === this.#source) this.stop();
    }, TAIL_MS);
  }

  #fail(sentence: string): void {
    this.#silence();
    this.#hangUp();
    this.problem.value = sentence;
    this.at.value = "failed";
  }

  #hangUp(): void {
    const pc = this.#pc;
    if (pc !== null) pc.onconnectionstatechange = null;
    // The connection's own end would overtake the request, which then finds nobody to hang up.
    if (this.#location !== null) void hangUp(this.#location).then(() => pc?.close());
    else pc?.close();
    this.#location = null;
    this.#pc = null;
    this.#out = null;
  }
}

/** What the wire allows as a name. */
function stripName(name: string): string {
  const tidy = [...name.replace(/[\u0000-\u001f\u007f-\u009f]/g, "").trim()].slice(0, 64).join("");
  return tidy === "" ? "file" : tidy;
}
