/** The direct call of two: asked for, found, and the way back. */

import type { RoomSession } from "../network/session";
import { endSentence, partner } from "../state/direct";
import type { RoomStore } from "../state/store";

export function DirectLine({ store, session }: { store: RoomStore; session: RoomSession }) {
  const now = store.direct.value;
  const own = store.own.value;
  const other = store.view.value?.room.tracks.find((t) => t.id !== own)?.name ?? "The other";
  if (now.at === "none") {
    return (
      <div class="direct">
        {now.ended !== null && (
          <p class="quiet" role="status">
            {endSentence(now.ended, other)}
          </p>
        )}
        {partner(store.view.value?.room, own) !== null && (
          <button class="button small" type="button" disabled={!store.live.value || !store.microphone.value} onClick={() => void session.direct.call()}>
            Call directly
          </button>
        )}
      </div>
    );
  }
  const ms = now.at === "direct" ? now.roundTripMs : null;
  return (
    <div class="direct">
      <p class={now.at === "direct" ? "tag ok" : "tag"} role="status">
        {now.at === "calling" ? "looking for a direct way" : ms === null ? "direct" : `direct, ${Math.round(ms)} ms`}
      </p>
      <button class="button small" type="button" onClick={() => session.direct.back()}>
        Back to the room
      </button>
    </div>
  );
}
