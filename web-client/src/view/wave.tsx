/** The last two seconds of what is heard, or of the own voice while it is sent: moved by the compositor alone. */

import { useEffect, useRef } from "preact/hooks";
import type { RoomSession } from "../network/session";
import { isOpen } from "../state/floor";
import { levelToPosition } from "../state/meter";
import type { RoomStore } from "../state/store";

const BARS = 34;
const EVERY_MS = 60;

export function Wave({ store, session }: { store: RoomStore; session: RoomSession }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const levels = new Array<number>(BARS).fill(0);
    let still = 0;
    const timer = setInterval(() => {
      const it = place.current;
      // Drawn on phones only; a desk has its meters.
      if (it === null || it.offsetParent === null || document.hidden) return;
      const level = heardLevel(store, session);
      levels.shift();
      levels.push(level);
      still = level > 0 ? 0 : still + 1;
      if (still > BARS) return;
      for (let i = 0; i < BARS; i += 1) {
        (it.children[i] as HTMLElement).style.transform = `scaleY(${Math.max(0.06, levels[i] ?? 0).toFixed(2)})`;
      }
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [store, session]);
  return (
    <div class="talk-wave" ref={place} aria-hidden="true">
      {Array.from({ length: BARS }, (_, i) => (
        <i key={i} />
      ))}
    </div>
  );
}

function heardLevel(store: RoomStore, session: RoomSession): number {
  if (isOpen(store.floor.peek().phase)) return levelToPosition(session.microphoneLevel());
  const own = store.own.peek();
  const levels = store.view.peek()?.room.tracks.flatMap((t) => (t.id === own || t.muted ? [] : store.meters.of(t.id).level)) ?? [];
  return levelToPosition(Math.max(-127, ...levels));
}
