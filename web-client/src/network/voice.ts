/** The one microphone of the page, whatever the number of channels; and which devices there are. */

import type { VoiceStore } from "../state/store";
import { microphoneSentence } from "../state/words";
import { Microphone, MicrophoneError, type MicrophoneChoice } from "./microphone";

export class Voice {
  readonly store: VoiceStore;
  #microphone: Microphone | null = null;
  #choice: MicrophoneChoice | null = null;
  #gate = false;
  /** Counts openings: one that a later one has overtaken is thrown away. */
  #opening = 0;
  readonly #stop = new AbortController();

  constructor(store: VoiceStore) {
    this.store = store;
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    devices?.addEventListener("devicechange", () => void this.list(), { signal: this.#stop.signal });
  }

  /** Opens the microphone, or changes the open one. Rejects with a sentence. Call it from a click. */
  async open(choice: MicrophoneChoice): Promise<void> {
    if (this.#microphone !== null && sameChoice(choice, this.#choice)) return;
    this.#opening += 1;
    const opening = this.#opening;
    let microphone: Microphone;
    try {
      microphone = await this.#openOrNext(choice);
    } catch (error) {
      throw new Error(microphoneSentence(reasonOf(error)));
    }
    if (opening !== this.#opening) return microphone.stop();
    this.#use(microphone, choice);
    await this.list();
  }

  /** Lets the microphone through or not. */
  gate(open: boolean): void {
    this.#gate = open;
    if (this.#microphone !== null) this.#microphone.talking = open;
  }

  /** How loud the microphone is now, dBFS, before the gate. */
  level(): number {
    return this.#microphone?.level() ?? -127;
  }

  close(): void {
    this.#opening += 1;
    this.#drop();
    this.store.said.value = null;
  }

  dispose(): void {
    this.close();
    this.#stop.abort();
  }

  /** Reads which devices there are; browsers name them only after the microphone was given. */
  async list(): Promise<void> {
    const devices = navigator.mediaDevices as MediaDevices | undefined;
    const all = (await devices?.enumerateDevices().catch(() => [])) ?? [];
    const of = (kind: MediaDeviceKind) =>
      all.flatMap((d) => (d.kind === kind && d.deviceId !== "" && d.label !== "" ? { id: d.deviceId, label: d.label } : []));
    this.store.devices.value = { microphones: of("audioinput"), speakers: of("audiooutput") };
  }

  /** A chosen microphone that is not there gives way to the browser's own choice. */
  async #openOrNext(choice: MicrophoneChoice): Promise<Microphone> {
    try {
      const microphone = await Microphone.open(choice);
      this.store.said.value = null;
      return microphone;
    } catch (error) {
      const gone = ["NotFoundError", "OverconstrainedError"].includes(reasonOf(error));
      if (!gone || choice.deviceId === "") throw error;
      const microphone = await Microphone.open({ ...choice, deviceId: "" });
      this.store.said.value = "The chosen microphone is not there. The browser has taken another one.";
      return microphone;
    }
  }

  #use(microphone: Microphone, choice: MicrophoneChoice): void {
    const before = this.#microphone;
    this.#microphone = microphone;
    this.#choice = choice;
    microphone.talking = this.#gate;
    microphone.onended = () => void this.#unplugged(choice);
    this.store.track.value = microphone.track;
    this.store.open.value = true;
    this.store.problem.value = null;
    // The senders have the new one by now.
    before?.stop();
  }

  async #unplugged(choice: MicrophoneChoice): Promise<void> {
    this.#drop();
    this.store.problem.value = microphoneSentence("ended");
    try {
      await this.open({ ...choice, deviceId: "" });
      this.store.said.value = "The microphone went away. The browser has taken another one.";
    } catch {
      // None is left: the sentence above says so.
    }
  }

  #drop(): void {
    this.#microphone?.stop();
    this.#microphone = null;
    this.#choice = null;
    this.store.track.value = null;
    this.store.open.value = false;
  }
}

function sameChoice(a: MicrophoneChoice, b: MicrophoneChoice | null): boolean {
  return b !== null && a.deviceId === b.deviceId && a.echo === b.echo && a.noise === b.noise && a.even === b.even;
}

function reasonOf(error: unknown): string {
  return error instanceof MicrophoneError ? error.reason : (error as Error).name;
}
