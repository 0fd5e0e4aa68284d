/** The biggest thing of the page: hold it to talk. Its word, ring and shape are the state. */

import { useMemo } from "preact/hooks";
import { fullness, type Face, type Kind } from "../state/face";
import { isTalking, latch, press, release, type Holder } from "../state/talk";
import type { RoomStore } from "../state/store";
import { Icon, type IconName } from "./icons";

/** The shape that says the state without its word or colour. */
const SHAPES: Record<Kind, IconName> = {
  idle: "microphone",
  asking: "asking",
  talking: "microphone",
  warning: "microphone",
  queued: "queue",
  denied: "close",
  revoking: "queue",
  revoked: "close",
  listening: "sound",
  muted: "muted",
  offline: "offline",
};

export function TalkButton({ store, it }: { store: RoomStore; it: Face }) {
  const down = (holder: Holder) => {
    store.talk.value = press(store.talk.peek(), holder, performance.now());
  };
  const up = (holder: Holder) => {
    store.talk.value = release(store.talk.peek(), holder, performance.now());
  };
  const letGo = (event: PointerEvent) => {
    if (event.type === "pointerup") event.preventDefault();
    up("pointer");
  };
  return (
    <div class="talk-key" data-state={it.kind}>
      <button
        class="talk-button"
        type="button"
        data-talk
        aria-label="Hold to talk"
        aria-pressed={store.live.value && isTalking(store.talk.value)}
        aria-describedby="talk-state"
        disabled={!store.live.value}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          down("pointer");
        }}
        onPointerUp={letGo}
        onPointerCancel={letGo}
        onLostPointerCapture={letGo}
        onContextMenu={(event) => event.preventDefault()}
        onClick={(event) => {
          // Neither finger nor key: a screen reader or a switch pressed it, which cannot hold.
          if (event.detail === 0) store.talk.value = latch(store.talk.peek(), !isTalking(store.talk.peek()));
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          if (!event.repeat) down("enter");
        }}
        onKeyUp={(event) => {
          if (event.key === "Enter") up("enter");
        }}
      />
      <Ring it={it} />
      {/* The name of the key stays; the state is its description. */}
      <p class="talk-words" id="talk-state">
        <Icon name={SHAPES[it.kind]} />
        {it.word}
        <small>{it.hint}</small>
      </p>
    </div>
  );
}

/** The time left, drawn by the browser itself from where it stands now. */
function Ring({ it }: { it: Face }) {
  const { ring } = it;
  const until = ring?.until ?? null;
  const style = useMemo(() => {
    if (ring === null) return undefined;
    const now = performance.now();
    return {
      strokeDashoffset: 1 - fullness(ring, now),
      animationDuration: `${Math.max(0, Math.round(ring.until - now))}ms`,
    };
  }, [until, ring?.totalMs]);
  return (
    <svg class="ring" viewBox="0 0 100 100" aria-hidden="true">
      <circle class="ring-way" cx="50" cy="50" r="47.5" />
      {style !== undefined && <circle key={until} class="ring-left" cx="50" cy="50" r="47.5" pathLength={1} style={style} />}
    </svg>
  );
}
