/** The inside of a room: the desk and the walkie-talkie, beside each other or one at a time. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { RoomSession } from "../network/session";
import type { RoomStore } from "../state/store";
import { Events } from "./events";
import { Header } from "./header";
import { Icon } from "./icons";
import { MeterCanvas } from "./meter-canvas";
import { People } from "./people";
import { Sound } from "./sound";
import { MasterStrip, Strip } from "./strip";
import { listenToKeys } from "./talk-keys";
import { TalkPanel } from "./talk-panel";
import "./room.css";
import "./desk.css";
import "./talk.css";

interface Props {
  store: RoomStore;
  session: RoomSession;
}

export function Console({ store, session }: Props) {
  const canvas = useMemo(() => new MeterCanvas(store, () => session.microphoneLevel()), [store, session]);
  useEffect(() => () => canvas.dispose(), [canvas]);
  useEffect(() => listenToKeys(store), [store]);
  useEffect(() => {
    if (store.microphone.value) canvas.wake();
  }, [canvas, store.microphone.value]);
  const view = useSignal<"talk" | "desk">("talk");
  return (
    <div class="room" data-view={view.value}>
      <Header store={store} session={session} />
      <nav class="views" aria-label="View">
        <button type="button" aria-pressed={view.value === "talk"} onClick={() => (view.value = "talk")}>
          <Icon name="people" />
          Talk
        </button>
        <button type="button" aria-pressed={view.value === "desk"} onClick={() => (view.value = "desk")}>
          <Icon name="desk" />
          Desk
        </button>
      </nav>
      <main>
        <DeskView store={store} session={session} canvas={canvas} />
        <aside>
          <People store={store} canvas={canvas} />
          <TalkPanel store={store} session={session} canvas={canvas} />
          <Events store={store} />
        </aside>
      </main>
      <Sound store={store} />
    </div>
  );
}

function DeskView({ store, session, canvas }: Props & { canvas: MeterCanvas }) {
  const room = store.view.value?.room;
  const own = store.own.value;
  if (room === undefined) return <section class="desk" aria-label="Mixing desk" />;
  return (
    <section class="desk" aria-label="Mixing desk">
      <div class="strips" data-scrolls>
        {room.tracks.map((track) => (
          <Strip key={track.id} track={track} own={track.id === own} store={store} desk={session.desk} canvas={canvas} />
        ))}
        {room.tracks.every((t) => t.id === own) && (
          <div class="empty">
            <h3>Nobody else to mix yet</h3>
            <p>A strip comes with everybody who talks, and with every file that is played in here.</p>
          </div>
        )}
      </div>
      <MasterStrip master={room.master_gain_db} store={store} desk={session.desk} canvas={canvas} />
    </section>
  );
}
