/** The top of a room: its name, whether the line holds, its figures, and the way out. */

import { useSignal, useSignalEffect } from "@preact/signals";
import type { RoomSession } from "../network/session";
import { forwardedText } from "../state/desk-words";
import { sentence } from "../state/session";
import type { RoomStore } from "../state/store";
import { roomFigures } from "../state/words";
import { navigate } from "./navigate";
import { CopyLink } from "./copy-link";
import { useRig } from "./rig-context";

interface Props {
  store: RoomStore;
  session: RoomSession;
}

export function Header({ store }: Props) {
  const rig = useRig();
  const room = store.view.value?.room;
  const live = store.live.value;
  const roundTrip = store.roundTripMs.value;
  const stats = store.stats.value;
  const figures = [
    room && roomFigures(room),
    stats !== null && live && `${stats.mixes} ${stats.mixes === 1 ? "mix" : "mixes"} · tick ${stats.tick_ms.toFixed(1)} ms`,
    live && forwardedText(stats?.forwarded),
    roundTrip !== null && live && `${Math.round(roundTrip)} ms`,
  ].filter(Boolean);
  const leave = () => {
    rig.leave();
    navigate("/");
  };
  return (
    <header class="room-head">
      <h1>{store.room}</h1>
      <span class={live ? "tag ok" : "tag bad"}>{live ? "connected" : "offline"}</span>
      <p class="figures" aria-label="Figures of the room">
        {figures.join(" · ")}
      </p>
      <CopyLink room={store.room} />
      <button class="button small" type="button" onClick={leave}>
        Leave
      </button>
      <LineBanner store={store} />
      <Notice store={store} />
    </header>
  );
}

/** What the line does while it is down, with the seconds until the next try. */
function LineBanner({ store }: { store: RoomStore }) {
  const now = useSignal(performance.now());
  useSignalEffect(() => {
    if (store.session.value.at !== "waiting") return;
    now.value = performance.now();
    const timer = setInterval(() => {
      now.value = performance.now();
    }, 250);
    return () => clearInterval(timer);
  });
  const session = store.session.value;
  const down = session.at === "waiting" || session.at === "joining";
  return (
    <>
      {down && (
        <p class="banner warn" aria-hidden="true">
          {sentence(session, now.value)}
        </p>
      )}
      <p class="sr" role="status" aria-label="Connection">
        {down ? `Offline. ${session.why ?? ""} Trying again.` : "Connected."}
      </p>
    </>
  );
}

/** A command that the server refused. */
function Notice({ store }: { store: RoomStore }) {
  if (store.notice.value === null) return null;
  return (
    <div class="banner" role="alert">
      <p>The desk refused this: {store.notice.value}</p>
      <button class="button small" type="button" onClick={() => (store.notice.value = null)}>
        Close
      </button>
    </div>
  );
}
