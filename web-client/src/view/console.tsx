/** The inside of a room: the desk and the walkie-talkie, beside each other or one at a time. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import type { RoomSession } from "../network/session";
import type { RoomStore } from "../state/store";
import { DeskView } from "./desk-view";
import { Events } from "./events";
import { Header } from "./header";
import { Icon } from "./icons";
import { MeterCanvas } from "./meter-canvas";
import { Sound } from "./sound";
import { listenToKeys } from "./talk-keys";
import { TalkPanel } from "./talk-panel";
import "./room.css";
import "./bridge.css";
import "./controls.css";
import "./strip.css";
import "./dock.css";
import "./menu.css";
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
          <TalkPanel store={store} session={session} />
          <Events store={store} />
        </aside>
      </main>
      <Sound store={store} />
    </div>
  );
}
