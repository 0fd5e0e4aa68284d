/** Plays every channel. The elements live beside what is drawn, so that no change of the screen breaks
 * the sound. Browsers play nothing before a click; mostly the join was it, else one button. */

import { signal, useSignalEffect, type ReadonlySignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Rig } from "../network/rig";
import { toneSpeaker } from "../network/audio";
import { loudness } from "../state/channels";
import type { RoomStore } from "../state/store";
import { speakerId, volume } from "./remember";

/** Counts clicks that let the browser play. */
const allowed = signal(0);
/** The chosen speaker is gone, in a sentence. */
export const speakerProblem = signal<string | null>(null);

/** Call it from a click. */
export function letPlay(): void {
  allowed.value += 1;
}

/** Whether the browser lets a page choose its speaker. */
export const speakersCanBeChosen = "setSinkId" in HTMLMediaElement.prototype;

export function Ears({ rig }: { rig: Rig }) {
  useSignalEffect(() => toneSpeaker(speakerId.value));
  return (
    <div hidden>
      {rig.channels.value.map(({ store }) => (
        <ChannelEars key={store.room} store={store} />
      ))}
    </div>
  );
}

function ChannelEars({ store }: { store: RoomStore }) {
  return (
    <>
      <Ear store={store} stream={store.stream} label={`The mix of ${store.room}`} when={(direct) => !direct} />
      <Ear store={store} stream={store.directStream} label={`The direct call in ${store.room}`} when={(direct) => direct} />
    </>
  );
}

interface EarProps {
  store: RoomStore;
  stream: ReadonlySignal<MediaStream | null>;
  label: string;
  /** Whether it is heard while the direct way is heard or not. */
  when: (direct: boolean) => boolean;
}

function Ear({ store, stream, label, when }: EarProps) {
  const audio = useRef<HTMLAudioElement>(null);

  const play = () => {
    audio.current?.play().then(
      () => {
        store.soundBlocked.value = false;
      },
      (error: DOMException) => {
        // Anything else is a stream that was replaced meanwhile; its successor plays.
        if (error.name === "NotAllowedError") store.soundBlocked.value = true;
      },
    );
  };

  useSignalEffect(() => {
    const now = stream.value;
    void allowed.value;
    if (audio.current === null) return;
    if (audio.current.srcObject !== now) audio.current.srcObject = now;
    if (now !== null) play();
  });
  useSignalEffect(() => {
    const loud = volume.value * loudness(store.ear.value);
    if (audio.current === null) return;
    audio.current.volume = Math.min(Math.max(loud, 0), 1);
    audio.current.muted = loud === 0 || !when(store.direct.value.at === "direct");
  });
  useSignalEffect(() => {
    const id = speakerId.value;
    if (!speakersCanBeChosen || audio.current === null || audio.current.sinkId === id) return;
    audio.current.setSinkId(id).then(
      () => {
        if (id !== "") speakerProblem.value = null;
      },
      () => {
        speakerProblem.value = "The chosen speaker is not there. You hear by the browser's own choice.";
        speakerId.value = "";
      },
    );
  });

  return <audio ref={audio} aria-label={label} />;
}
