/** The microphone: opened once, kept open, and let through only while the talk key is down. */

import { audioContext } from "./audio";

/** Why the microphone did not open; `reason` is a DOMException's name, or `insecure`. */
export class MicrophoneError extends Error {
  override readonly name = "MicrophoneError";
  readonly reason: string;

  constructor(reason: string) {
    super(`no microphone: ${reason}`);
    this.reason = reason;
  }
}

/** Which microphone, and what the browser does to it. */
export interface MicrophoneChoice {
  /** Empty: the browser's own choice. */
  readonly deviceId: string;
  readonly echo: boolean;
  readonly noise: boolean;
  /** The level is evened. */
  readonly even: boolean;
}

export class Microphone {
  /** What is sent; silent unless the talk key is down. */
  readonly track: MediaStreamTrack;
  /** The microphone went away by itself. */
  onended: (() => void) | null = null;
  readonly #analyser: AnalyserNode;
  readonly #source: MediaStreamAudioSourceNode;
  readonly #tap: MediaStreamTrack;
  readonly #samples: Float32Array<ArrayBuffer>;

  private constructor(track: MediaStreamTrack) {
    this.track = track;
    track.enabled = false;
    track.onended = () => this.onended?.();
    // The level is read off a copy, so that a person sees the microphone work before talking.
    this.#tap = track.clone();
    this.#tap.enabled = true;
    const context = audioContext();
    this.#analyser = new AnalyserNode(context, { fftSize: 1024 });
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#source = context.createMediaStreamSource(new MediaStream([this.#tap]));
    this.#source.connect(this.#analyser);
  }

  static async open({ deviceId, echo, noise, even }: MicrophoneChoice): Promise<Microphone> {
    // Pages that are not secure have no `mediaDevices`, whatever the types say.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (devices === undefined) throw new MicrophoneError("insecure");
    try {
      const stream = await devices.getUserMedia({
        audio: {
          ...(deviceId !== "" && { deviceId: { exact: deviceId } }),
          echoCancellation: echo,
          noiseSuppression: noise,
          autoGainControl: even,
          // What cleans voices up makes them mono.
          channelCount: { ideal: echo || noise ? 1 : 2 },
        },
      });
      const [track] = stream.getAudioTracks();
      if (track === undefined) throw new MicrophoneError("NotFoundError");
      return new Microphone(track);
    } catch (error) {
      throw error instanceof MicrophoneError ? error : new MicrophoneError((error as Error).name);
    }
  }

  /** Lets the microphone through or not. The sender goes on either way, so the start is at once. */
  set talking(on: boolean) {
    this.track.enabled = on;
  }

  /** The level of the last 20 ms, RMS, 0 dBFS for a full-scale sine; −127 for silence. */
  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let sum = 0;
    for (const sample of this.#samples) sum += sample * sample;
    const power = (2 * sum) / this.#samples.length;
    return power <= 2e-13 ? -127 : 10 * Math.log10(power);
  }

  stop(): void {
    this.onended = null;
    this.#source.disconnect();
    this.track.stop();
    this.#tap.stop();
  }
}
