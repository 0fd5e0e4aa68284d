/** Plays the mix. Browsers play nothing before a click; mostly the join was it, else one button. */

import { useSignalEffect } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { RoomStore } from "../state/store";
import { volume } from "./remember";

export function Sound({ store }: { store: RoomStore }) {
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
    const stream = store.stream.value;
    if (audio.current === null) return;
    audio.current.srcObject = stream;
    if (stream !== null) play();
  });
  useSignalEffect(() => {
    const loud = volume.value;
    if (audio.current !== null) audio.current.volume = Math.min(Math.max(loud, 0), 1);
  });

  return (
    <>
      <audio ref={audio} aria-label="The mix" />
      {store.soundBlocked.value && (
        <div class="banner" role="alert">
          <p>Your browser waits for a click before it plays sound.</p>
          <button class="button primary" type="button" onClick={play}>
            Turn on the sound
          </button>
        </div>
      )}
    </>
  );
}
