/** The mixing desk: the bridge of meters, the strips, and the dock with files and undo. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { FileDeck } from "../network/file-player";
import type { RoomSession } from "../network/session";
import { arrange } from "../state/groups";
import { isOwn } from "../state/personal";
import type { RoomStore } from "../state/store";
import { Loudness, Spectrum } from "./bridge";
import { DeskIcon } from "./desk-icons";
import { Files, PlayFile } from "./files";
import { FloorPanel } from "./floor-panel";
import { GroupStrip } from "./group-strip";
import { MasterFeed } from "./master-feed";
import { MasterStrip } from "./master-strip";
import type { MeterCanvas } from "./meter-canvas";
import { Strip } from "./strip";

interface Props {
  store: RoomStore;
  session: RoomSession;
  canvas: MeterCanvas;
}

export function DeskView({ store, session, canvas }: Props) {
  const { desk } = session;
  const deck = useMemo(() => new FileDeck(store, desk.state), [store, desk]);
  const feed = useMemo(() => new MasterFeed(store), [store]);
  useEffect(() => () => deck.dispose(), [deck]);
  useEffect(() => () => feed.dispose(), [feed]);
  useEffect(() => listenToUndo(store, desk), [store, desk]);
  useSignalEffect(() => {
    if (store.live.value) void session.readMix();
  });
  const dropping = useSignal(false);
  const room = store.view.value?.room;
  const own = store.own.value;
  const live = store.live.value;
  if (room === undefined) return <section class="desk" aria-label="Mixing desk" />;
  const files = (event: DragEvent) => live && event.dataTransfer?.types.includes("Files") === true;
  return (
    <section
      class={["desk", !live && "down", dropping.value && "dropping"].filter(Boolean).join(" ")}
      aria-label="Mixing desk"
      data-scrolls
      onDragOver={(event) => {
        if (!files(event)) return;
        event.preventDefault();
        dropping.value = true;
      }}
      onDragLeave={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget as Node | null)) dropping.value = false;
      }}
      onDrop={(event) => {
        dropping.value = false;
        if (!files(event)) return;
        event.preventDefault();
        for (const file of event.dataTransfer?.files ?? []) deck.play(file);
      }}
    >
      <div class="bridge">
        <Loudness feed={feed} canvas={canvas} />
        <Spectrum store={store} canvas={canvas} />
        <FloorPanel room={room} store={store} desk={desk} />
      </div>
      <div class="rack">
        <div class="strips" data-scrolls role="group" aria-label="Strips" tabIndex={live ? undefined : 0}>
          {arrange(room.tracks).map((place) =>
            place.is === "group" ? (
              <GroupStrip key={`group ${place.group.members[0]?.id}`} group={place.group} store={store} desk={desk} canvas={canvas} />
            ) : (
              <Strip key={place.track.id} track={place.track} own={place.track.id === own} colour={place.group?.colour ?? null} store={store} desk={desk} canvas={canvas} />
            ),
          )}
          {room.tracks.every((t) => t.id === own) && (
            <div class="empty">
              <h3>Nobody else to mix yet</h3>
              <p>A strip comes with everybody who talks, and with every file that is played in here. Drop one on the desk to try it.</p>
            </div>
          )}
        </div>
        <MasterStrip master={room.master_gain_db} feed={feed} store={store} desk={desk} canvas={canvas} />
      </div>
      <Dock store={store} session={session} deck={deck} canvas={canvas} />
    </section>
  );
}

function Dock({ store, session, deck, canvas }: Props & { deck: FileDeck }) {
  const { desk } = session;
  const { state } = desk;
  const live = store.live.value;
  return (
    <footer class="dock">
      <Files state={state} canvas={canvas} />
      <div class="dock-keys">
        <button class="button small" type="button" aria-label="Undo" title="Undo your last move (Ctrl+Z)" disabled={!live || !state.canUndo.value} onClick={() => desk.undo()}>
          <DeskIcon name="undo" />
        </button>
        <button class="button small" type="button" aria-label="Redo" title="Do it again (Ctrl+Shift+Z)" disabled={!live || !state.canRedo.value} onClick={() => desk.redo()}>
          <DeskIcon name="redo" />
        </button>
        <PlayFile deck={deck} disabled={!live} />
        {desk.personal.solos.value && (
          <span class="solo-note">
            You hear solo only
          </span>
        )}
        {isOwn(desk.personal.mix.value) && (
          <button class="button small mine-clear" type="button" disabled={!live} title="Hear everything as it is set at the desk" onClick={() => desk.personal.clear()}>
            Clear my mix
          </button>
        )}
        <p class="desk-said" role="status" aria-label="What the desk did">
          {live ? state.said.value : "The line is down: the desk stands as it was last seen, and nothing can be moved."}
        </p>
      </div>
    </footer>
  );
}

/** Ctrl+Z and Ctrl+Shift+Z (or Ctrl+Y), wherever no text is being typed. */
function listenToUndo(store: RoomStore, desk: RoomSession["desk"]): () => void {
  const stop = new AbortController();
  document.addEventListener(
    "keydown",
    (event) => {
      const it = event.target;
      if (it instanceof HTMLElement && (it.isContentEditable || it.matches('textarea, input[type="text"]'))) return;
      if (!(event.ctrlKey || event.metaKey) || event.altKey || !store.live.peek()) return;
      const key = event.key.toLowerCase();
      if (key === "z" && !event.shiftKey) desk.undo();
      else if ((key === "z" && event.shiftKey) || key === "y") desk.redo();
      else return;
      event.preventDefault();
    },
    { signal: stop.signal },
  );
  return () => stop.abort();
}
