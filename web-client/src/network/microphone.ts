/** The microphone: opened once, kept open, and let through only while the talk key is down. */

/** Why the microphone did not open; `reason` is a DOMException's name, or `insecure`. */
export class MicrophoneError extends Error {
  override readonly name = "MicrophoneError";
  readonly reason: string;

  constructor(reason: string) {
    super(`no microphone: ${reason}`);
    this.reason = reason;
  }
}

export class Microphone {
  /** What is sent; silent unless the talk key is down. */
  readonly track: MediaStreamTrack;
  /** The microphone went away by itself. */
  onended: (() => void) | null = null;
  readonly #analyser: AnalyserNode;
  readonly #context: AudioContext;
  readonly #tap: MediaStreamTrack;
  readonly #samples: Float32Array<ArrayBuffer>;

  private constructor(track: MediaStreamTrack) {
    this.track = track;
    track.enabled = false;
    track.onended = () => this.onended?.();
    // The level is read off a copy, so that a person sees the microphone work before talking.
    this.#tap = track.clone();
    this.#tap.enabled = true;
    this.#context = new AudioContext();
    this.#analyser = new AnalyserNode(this.#context, { fftSize: 1024 });
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(new MediaStream([this.#tap])).connect(this.#analyser);
  }

  /** `cleanUp`: echo and noise are removed and the level is evened, as voices want it; else the
   * sound is sent as it is. */
  static async open(cleanUp: boolean): Promise<Microphone> {
    // Pages that are not secure have no `mediaDevices`, whatever the types say.
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    if (devices === undefined) throw new MicrophoneError("insecure");
    try {
      const stream = await devices.getUserMedia({
        audio: {
          echoCancellation: cleanUp,
          noiseSuppression: cleanUp,
          autoGainControl: cleanUp,
          channelCount: { ideal: cleanUp ? 1 : 2 },
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
    this.track.stop();
    this.#tap.stop();
    void this.#context.close();
  }
}
