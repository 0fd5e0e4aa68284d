/** One peer connection: joins by one request, hears the mix, sends the microphone. */

import { hangUp, isJoined, postOffer } from "./api";
import { noWaySentence } from "../state/words";
import { withStereo } from "./sdp";
import type { Role } from "./wire";

/** ICE and DTLS take about 0.2 s on a good line. */
const CONNECT_MS = 8000;
/** A line that is disconnected often comes back by itself. */
const GRACE_MS = 2000;

export interface PeerOptions {
  room: string;
  name: string;
  clientId: string;
  role: Role;
  /** What to send; null for nothing yet. */
  microphone: MediaStreamTrack | null;
}

export class Peer {
  /** The id of this peer and of its track. */
  readonly trackId: string;
  /** What is heard. */
  readonly stream: MediaStream;
  /** The connection is gone and will not come back. */
  onlost: (() => void) | null = null;
  readonly #pc: RTCPeerConnection;
  readonly #location: string;
  #grace: ReturnType<typeof setTimeout> | undefined;

  private constructor(pc: RTCPeerConnection, stream: MediaStream, trackId: string, location: string) {
    this.#pc = pc;
    this.stream = stream;
    this.trackId = trackId;
    this.#location = location;
    pc.onconnectionstatechange = () => this.#changed();
  }

  /** Resolves once sound can pass; rejects with a `RequestError`, or an `Error` when no way through
   * the network was found. */
  static async join(options: PeerOptions): Promise<Peer> {
    const pc = new RTCPeerConnection();
    let location: string | null = null;
    try {
      const transceiver = pc.addTransceiver(options.microphone ?? "audio", { direction: "sendrecv" });
      const stream = new MediaStream([transceiver.receiver.track]);
      const offer = await pc.createOffer();
      await pc.setLocalDescription({ type: "offer", sdp: withStereo(offer.sdp ?? "") });
      const joined = await postOffer({
        offer: { type: "offer", sdp: pc.localDescription?.sdp ?? "" },
        room: options.room,
        name: options.name,
        clientId: options.clientId,
        role: options.role,
      });
      location = joined.location;
      await pc.setRemoteDescription(joined.answer.answer);
      await connected(pc);
      return new Peer(pc, stream, joined.answer.trackId, joined.location);
    } catch (error) {
      pc.close();
      if (location !== null) hangUp(location);
      throw error;
    }
  }

  /** Whether both ends still hold the connection. Rejects when the server does not answer. */
  async isJoined(): Promise<boolean> {
    return this.#pc.connectionState === "connected" && (await isJoined(this.#location));
  }

  /** Sends another microphone from now on, or nothing. */
  async send(track: MediaStreamTrack | null): Promise<void> {
    await this.#pc.getSenders()[0]?.replaceTrack(track);
  }

  /** The last round trip, milliseconds; null until one was measured. */
  async roundTripMs(): Promise<number | null> {
    const stats = await this.#pc.getStats();
    for (const entry of stats.values() as Iterable<RTCStats & RTCIceCandidatePairStats>) {
      if (entry.type === "candidate-pair" && entry.nominated && entry.currentRoundTripTime !== undefined) {
        return entry.currentRoundTripTime * 1000;
      }
    }
    return null;
  }

  /** Tells the server and ends. */
  hangUp(): void {
    hangUp(this.#location);
    this.close();
  }

  /** Ends without a word: the server has forgotten this peer. */
  close(): void {
    clearTimeout(this.#grace);
    this.onlost = null;
    this.#pc.onconnectionstatechange = null;
    this.#pc.close();
  }

  #changed(): void {
    clearTimeout(this.#grace);
    const state = this.#pc.connectionState;
    if (state === "failed" || state === "closed") this.onlost?.();
    if (state === "disconnected") this.#grace = setTimeout(() => this.onlost?.(), GRACE_MS);
  }
}

/** Resolves once media can pass. */
export function connected(pc: RTCPeerConnection): Promise<void> {
  return new Promise((resolve, reject) => {
    const noWay = () => new Error(noWaySentence(pc.remoteDescription?.sdp ?? "", navigator.userAgent));
    const late = setTimeout(() => reject(noWay()), CONNECT_MS);
    const look = () => {
      if (pc.connectionState === "connected") {
        clearTimeout(late);
        resolve();
      } else if (pc.connectionState === "failed" || pc.connectionState === "closed") {
        clearTimeout(late);
        reject(noWay());
      }
    };
    pc.onconnectionstatechange = look;
    look();
  });
}
