/** Who sends into the room, one row each: who talks, how loud, what the desk does to it. */

import type { RoomStore } from "../state/store";
import type { TrackState } from "../network/wire";
import { gainSpoken } from "../state/fader";
import { kindWord } from "../state/words";
import { MeterSlot } from "./meter-slot";
import type { MeterCanvas } from "./meter-canvas";

interface Props {
  store: RoomStore;
  canvas: MeterCanvas;
}

export function People({ store, canvas }: Props) {
  const room = store.view.value?.room;
  const own = store.own.value;
  if (room === undefined) return null;
  return (
    <section class="people" aria-label="Who is here" data-scrolls>
      <ul>
        {room.tracks.map((track) => (
          <Row key={track.id} track={track} own={track.id === own} store={store} canvas={canvas} />
        ))}
      </ul>
    </section>
  );
}

function Row({ track, own, store, canvas }: Props & { track: TrackState; own: boolean }) {
  const talking = track.talking && store.live.value;
  const desk = track.muted ? "muted" : track.gain_db === 0 ? "" : gainSpoken(track.gain_db);
  return (
    <li class={talking ? "row talking" : "row"}>
      <i class="dot" />
      <span class="row-name">
        <span class="row-text">{track.name}</span>
        <small>{own ? "you" : track.kind === "peer" ? "" : kindWord(track.kind)}</small>
      </span>
      <span class={talking ? "row-state on" : "row-state"}>{talking ? "talking" : desk}</span>
      <MeterSlot meter={track.id} label={`Level of ${track.name}`} store={store} canvas={canvas} flat />
    </li>
  );
}
