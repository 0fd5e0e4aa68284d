/** The biggest thing of the page: hold it to talk. Its word is the state. */

import { press, release } from "../state/talk";
import type { RoomStore } from "../state/store";

export function TalkButton({ store }: { store: RoomStore }) {
  const live = store.live.value;
  const onAir = store.onAir.value;
  const muted = store.ownTrack.value?.muted === true;
  const latched = store.talk.value.latched;

  const letGo = (event: PointerEvent) => {
    if (event.type === "pointerup") event.preventDefault();
    store.talk.value = release(store.talk.peek(), "pointer");
  };
  const word = !live ? "Offline" : muted ? "Muted" : onAir ? "On the air" : "Hold to talk";
  const hint = !live
    ? "nobody hears you"
    : muted
      ? "by the desk: nobody hears you"
      : onAir
        ? latched
          ? "until you turn it off"
          : "release to end"
        : "or the space bar";
  return (
    <div class={`talk-key${onAir && !muted ? " on" : ""}${muted ? " muted" : ""}`}>
      <button
        class="talk-button"
        type="button"
        data-talk
        aria-label="Hold to talk"
        aria-pressed={onAir}
        aria-describedby="talk-state"
        disabled={!live}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          store.talk.value = press(store.talk.peek(), "pointer");
        }}
        onPointerUp={letGo}
        onPointerCancel={letGo}
        onLostPointerCapture={letGo}
        onContextMenu={(event) => event.preventDefault()}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          if (!event.repeat) store.talk.value = press(store.talk.peek(), "key");
        }}
        onKeyUp={(event) => {
          if (event.key === "Enter") store.talk.value = release(store.talk.peek(), "key");
        }}
      />
      {/* The name of the key stays; the state is its description. */}
      <p class="talk-words" id="talk-state">
        {word}
        <small class={live && !muted && !onAir ? "key-hint" : ""}>{hint}</small>
      </p>
    </div>
  );
}
