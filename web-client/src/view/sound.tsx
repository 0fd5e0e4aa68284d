import type { RoomStore } from "../state/store";
import { letPlay } from "./ears";

/** A browser that wants a click before it plays gets one. */
export function Sound({ store }: { store: RoomStore }) {
  if (!store.soundBlocked.value) return null;
  return (
    <div class="banner" role="alert">
      <p>Your browser waits for a click before it plays sound.</p>
      <button class="button primary" type="button" onClick={letPlay}>
        Turn on the sound
      </button>
    </div>
  );
}
