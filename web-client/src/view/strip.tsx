/** One strip of the desk. */

import { useComputed, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Desk } from "../network/desk";
import type { TrackState } from "../network/wire";
import { forwardedSentence, lossText } from "../state/desk-words";
import { gainText, panText } from "../state/fader";
import { wishFor } from "../state/mine";
import { silencedFor } from "../state/personal";
import type { RoomStore } from "../state/store";
import { parseGain, parsePan } from "../state/typed";
import { kindWord } from "../state/words";
import { BusSelect } from "./bus-select";
import { DeskIcon } from "./desk-icons";
import { Fader, FaderScale } from "./fader";
import { useHead } from "./head";
import { Knob } from "./knob";
import { memo } from "./memo";
import type { MeterCanvas } from "./meter-canvas";
import { MeterSlot } from "./meter-slot";
import { RenameField } from "./rename";
import { StripMenu } from "./strip-menu";
import { Typed } from "./typed";
import { useHeld } from "./use-held";

export interface Shared {
  store: RoomStore;
  desk: Desk;
  canvas: MeterCanvas;
}

interface Props extends Shared {
  track: TrackState;
  own: boolean;
  /** The colour of its group; null while it stands alone. */
  colour: number | null;
}

export const Strip = memo(function Strip({ track, own, colour, store, desk, canvas }: Props) {
  const { id, name } = track;
  const strip = useRef<HTMLElement>(null);
  const disabled = !store.live.value;
  const db = useHeld<number>(store, id, "gain_db").value ?? track.gain_db;
  const pan = useHeld<number>(store, id, "pan").value ?? track.pan;
  const muted = useHeld<boolean>(store, id, "muted").value ?? track.muted;
  const bus = useHeld<TrackState["bus"]>(store, id, "bus").value ?? track.bus;
  const wish = useComputed(() => wishFor(desk.personal.mix.value, id)).value;
  const silenced = useComputed(() => silencedFor(desk.personal.mix.value, id)).value;
  const holds = useComputed(() => holdsFloor(store, id)).value;
  const typingGain = useSignal<string | null>(null);
  const typingPan = useSignal<string | null>(null);
  const renaming = useSignal(false);
  const head = useHead({ id, name, desk, store, rename: () => (renaming.value = true), disabled });
  const talking = track.talking && !disabled;
  const slider = (of: string) => strip.current?.querySelector<HTMLElement>(`.${of} input[type="range"]`);
  const classes = ["strip", talking && "talking", holds && "holds", silenced && "silenced", colour !== null && `in-group group-${colour}`];
  return (
    <article ref={strip} class={classes.filter(Boolean).join(" ")} aria-label={`Strip of ${name}`} data-strip={id}>
      <header class="strip-head">
        <h3>
          {renaming.value && !disabled ? (
            <RenameField what="strip" name={name} editing={renaming} set={(value) => desk.set(id, "name", value)} />
          ) : (
            <button class="strip-name" type="button" data-head disabled={disabled} aria-label={`Name of ${name}: rename`} title={`${name}: double-click to rename, drag onto another strip to group`} {...head}>
              {name}
            </button>
          )}
        </h3>
      </header>
      <div class="lamp-row">
        <p class={["lamp", talking && "on", muted && "cut"].filter(Boolean).join(" ")}>{muted ? "muted" : talking ? "talking" : own ? "you" : kindWord(track.kind)}</p>
        <Forwarded id={id} name={name} store={store} />
        <StripMenu track={track} own={own} store={store} desk={desk} rename={() => (renaming.value = true)} disabled={disabled} />
      </div>
      <div class="pan">
        <Knob
          label={`Pan of ${name}`}
          pan={pan}
          disabled={disabled}
          move={(value) => desk.move(id, "pan", value)}
          release={() => desk.release(id, "pan")}
          set={(value) => desk.set(id, "pan", value)}
          type={(text) => (typingPan.value = text)}
        />
        <Typed label={`Pan of ${name}`} text={panText(pan)} class="pan-figure" disabled={disabled} parse={parsePan} set={(value) => desk.set(id, "pan", value)} typing={typingPan} back={() => slider("knob")} />
      </div>
      <div class={muted ? "column muted" : "column"}>
        <FaderScale />
        <Fader
          label={`Gain of ${name}`}
          db={db}
          disabled={disabled}
          move={(value) => desk.move(id, "gain_db", value)}
          release={() => desk.release(id, "gain_db")}
          set={(value) => desk.set(id, "gain_db", value)}
          type={(text) => (typingGain.value = text)}
        />
        <MeterSlot meter={id} label={`Level of ${name}`} store={store} canvas={canvas} />
      </div>
      <Typed label={`Gain of ${name}`} text={gainText(db)} class={db <= -60 ? "db off" : "db"} disabled={disabled} parse={parseGain} set={(value) => desk.set(id, "gain_db", value)} typing={typingGain} back={() => slider("fader")} />
      <div class="keys">
        <button class="mute" type="button" aria-pressed={muted} aria-label={`Mute ${name}`} disabled={disabled} title="Mute for everybody" onClick={() => desk.set(id, "muted", !muted)}>
          Mute
        </button>
        <button
          class="solo"
          type="button"
          aria-pressed={wish.solo}
          aria-label={`Solo ${name}`}
          disabled={disabled}
          title="Hear only this, for yourself; with Shift and no other"
          onClick={(event) => desk.personal.solo(id, event.shiftKey)}
        >
          Solo
        </button>
      </div>
      <div class="foot">
        <BusSelect label={`Bus of ${name}`} bus={bus} disabled={disabled} set={(value) => desk.set(id, "bus", value)} />
        <p class="mine">{mineWords(wish)}</p>
        <Net id={id} store={store} />
      </div>
    </article>
  );
});

function holdsFloor(store: RoomStore, id: string): boolean {
  const room = store.view.value?.room;
  return room?.mode === "floor" && room.floor?.holders.some((h) => h.id === id) === true;
}

/** What one has set for oneself, so that nobody wonders why it sounds otherwise than it looks. */
function mineWords(wish: ReturnType<typeof wishFor>): string {
  const parts = [wish.muted ? "muted" : wish.gain_db !== 0 && gainText(wish.gain_db), wish.pan !== undefined && panText(wish.pan)];
  const words = parts.filter(Boolean).join(" ");
  return words === "" ? "" : `me ${words}`;
}

/** Shows that all others get its packets as they come. */
function Forwarded({ id, name, store }: { id: string; name: string; store: RoomStore }) {
  const sentence = useComputed(() => (store.live.value ? forwardedSentence(name, store.stats.value?.tracks[id]) : null)).value;
  if (sentence === null) return null;
  return (
    <span class="forwarded" role="img" aria-label={sentence} title={sentence}>
      <DeskIcon name="forwarded" />
    </span>
  );
}

/** How its network does, once a second. */
function Net({ id, store }: { id: string; store: RoomStore }) {
  const stats = useComputed(() => store.stats.value?.tracks[id]);
  const loss = useComputed(() => (stats.value === undefined ? "–" : lossText(stats.value.loss_percent)));
  const delay = useComputed(() => (stats.value === undefined ? "–" : `${Math.round(stats.value.delay_ms)} ms`));
  const jitter = useComputed(() => (stats.value === undefined ? "–" : `${stats.value.jitter_ms.toFixed(1)} ms`));
  const trip = useComputed(() => (stats.value?.rtt_ms === undefined ? "–" : `${Math.round(stats.value.rtt_ms)} ms`));
  const bad = useComputed(() => (stats.value?.loss_percent ?? 0) >= 2);
  return (
    <dl class="net">
      <div class={bad.value ? "bad" : ""} title="Packets of the last second that never came">
        <dt>loss</dt>
        <dd>{loss}</dd>
      </div>
      <div class="net-jitter" title="Jitter of the packets (RFC 3550)">
        <dt>jit</dt>
        <dd>{jitter}</dd>
      </div>
      <div title="What waits in the jitter buffer">
        <dt>buf</dt>
        <dd>{delay}</dd>
      </div>
      <div title="To the server and back">
        <dt>rtt</dt>
        <dd>{trip}</dd>
      </div>
    </dl>
  );
}
