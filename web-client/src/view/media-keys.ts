/** The key of a headset, and the media keys: each press turns the talk key on or off. */

import { effect } from "@preact/signals";
import { isTalking, latch, letGo } from "../state/talk";
import type { RoomStore } from "../state/store";

const ACTIONS = ["play", "pause", "togglemicrophone"] as const;

/** Until the returned function is called. */
export function listenToMediaKeys(store: RoomStore): () => void {
  const session = (navigator as { mediaSession?: MediaSession }).mediaSession;
  if (session === undefined) return () => {};
  const toggle = () => {
    const talk = letGo(store.talk.peek());
    store.talk.value = latch(talk, !isTalking(talk));
  };
  const handle = (handler: (() => void) | null) => {
    for (const action of ACTIONS) {
      try {
        session.setActionHandler(action as MediaSessionAction, handler);
      } catch {
        // A browser that does not know an action says so by throwing.
      }
    }
  };
  if (typeof MediaMetadata === "function") session.metadata = new MediaMetadata({ title: store.room, artist: "mixminus" });
  handle(toggle);
  const end = effect(() => {
    session.playbackState = isTalking(store.talk.value) ? "playing" : "paused";
  });
  return () => {
    end();
    handle(null);
    session.playbackState = "none";
  };
}
