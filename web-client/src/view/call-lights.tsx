/** Who calls, until it is dismissed: a banner, and the window's title. */

import { useEffect } from "preact/hooks";
import type { Rig } from "../network/rig";
import { Icon } from "./icons";

const BLINK_MS = 1000;

export function CallLights({ rig }: { rig: Rig }) {
  const calls = rig.calls.value;
  const last = calls.at(-1);
  const title = last === undefined ? null : `● ${last.name} calls · ${last.room}`;
  useEffect(() => {
    if (title === null) return;
    const before = document.title;
    document.title = title;
    const timer = setInterval(() => {
      document.title = document.title === title ? before : title;
    }, BLINK_MS);
    return () => {
      clearInterval(timer);
      document.title = before;
    };
  }, [title]);
  return (
    <div class="calls" role="alert">
      {calls.map((call) => (
        <div key={call.key} class="call">
          <Icon name="bell" />
          <p>
            <strong>{call.name}</strong> {call.alone ? "calls you" : "calls everybody"} in {call.room}
          </p>
          <button class="button small" type="button" onClick={() => rig.dismiss(call)}>
            Dismiss
          </button>
        </div>
      ))}
    </div>
  );
}
