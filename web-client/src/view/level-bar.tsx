/** One small level, moved by the compositor alone: for sheets, which lie over the meters' canvas. */

import { useEffect, useRef } from "preact/hooks";
import { levelToPosition } from "../state/meter";

/** `read`: dBFS, at every frame. */
export function LevelBar({ read, label }: { read: () => number; label?: string }) {
  const bar = useRef<HTMLElement>(null);
  useEffect(() => {
    let frame = 0;
    let shown = 0;
    const draw = () => {
      const wanted = levelToPosition(read());
      // Up at once, down in about 300 ms.
      shown = wanted > shown ? wanted : Math.max(wanted, shown - 0.05);
      if (bar.current !== null) bar.current.style.transform = `scaleX(${shown.toFixed(3)})`;
      frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [read]);
  return (
    <span class="level-bar" {...(label === undefined ? { "aria-hidden": true } : { role: "img", "aria-label": label })}>
      <i ref={bar} />
    </span>
  );
}
