/** The Fourier transform of what one hears, when somebody looks at it. */

import type { RoomStore } from "../state/store";

const FFT_SIZE = 8192;

export class Hearing {
  readonly #store: RoomStore;
  #context: AudioContext | null = null;
  #analyser: AnalyserNode | null = null;
  #source: MediaStreamAudioSourceNode | null = null;
  #stream: MediaStream | null = null;
  #bins = new Float32Array(FFT_SIZE / 2);

  constructor(store: RoomStore) {
    this.#store = store;
  }

  /** The width of a bin, Hz. */
  get binHz(): number {
    return (this.#context?.sampleRate ?? 48_000) / FFT_SIZE;
  }

  /** The levels of all bins, dB; null while nothing is heard. The same array each time. */
  bins(): Float32Array | null {
    const stream = this.#store.stream.peek();
    if (stream !== this.#stream) this.#listenTo(stream);
    if (this.#analyser === null) return null;
    this.#analyser.getFloatFrequencyData(this.#bins);
    return this.#bins;
  }

  dispose(): void {
    this.#listenTo(null);
    void this.#context?.close();
    this.#context = null;
  }

  #listenTo(stream: MediaStream | null): void {
    this.#stream = stream;
    this.#source?.disconnect();
    this.#source = null;
    this.#analyser = null;
    // A page that nobody has clicked in may not make sound, nor listen to it.
    if (stream === null || !navigator.userActivation?.hasBeenActive) return;
    this.#context ??= new AudioContext();
    this.#analyser = new AnalyserNode(this.#context, { fftSize: FFT_SIZE, smoothingTimeConstant: 0.5 });
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#analyser);
  }
}
