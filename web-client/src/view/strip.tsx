/** One strip of the desk, and the master beside them. */

import { useComputed, type ReadonlySignal } from "@preact/signals";
import type { Desk } from "../network/desk";
import type { TrackState } from "../network/wire";
import { held, type Control } from "../state/holds";
import { Meters } from "../state/meter";
import type { RoomStore } from "../state/store";
import { kindWord } from "../state/words";
import { Fader, FaderScale, GainFigure } from "./fader";
import { Knob } from "./knob";
import { MeterSlot } from "./meter-slot";
import type { MeterCanvas } from "./meter-canvas";

interface Shared {
  store: RoomStore;
  desk: Desk;
  canvas: MeterCanvas;
}

/** What the own hand gives a control, as a signal that no other control's move wakes. */
function useHeld(store: RoomStore, id: string, control: Control): ReadonlySignal<number | boolean | undefined> {
  return useComputed(() => held(store.holds.value, id, control));
}

export function Strip({ track, own, store, desk, canvas }: Shared & { track: TrackState; own: boolean }) {
  const { id, name } = track;
  const disabled = !store.live.value;
  const db = (useHeld(store, id, "gain_db").value as number | undefined) ?? track.gain_db;
  const pan = (useHeld(store, id, "pan").value as number | undefined) ?? track.pan;
  const muted = (useHeld(store, id, "muted").value as boolean | undefined) ?? track.muted;
  const talking = track.talking && !disabled;
  return (
    <article class={talking ? "strip talking" : "strip"} aria-label={`Strip of ${name}`}>
      <h3 title={name}>{name}</h3>
      <p class={talking ? "lamp on" : "lamp"}>{talking ? "talking" : own ? "you" : kindWord(track.kind)}</p>
      <Knob
        label={`Pan of ${name}`}
        pan={pan}
        disabled={disabled}
        move={(value) => desk.move(id, "pan", value)}
        release={() => desk.release(id, "pan")}
        set={(value) => desk.set(id, "pan", value)}
      />
      <div class={muted ? "column muted" : "column"}>
        <FaderScale />
        <Fader
          label={`Gain of ${name}`}
          db={db}
          disabled={disabled}
          move={(value) => desk.move(id, "gain_db", value)}
          release={() => desk.release(id, "gain_db")}
          set={(value) => desk.set(id, "gain_db", value)}
        />
        <MeterSlot meter={id} label={`Level of ${name}`} store={store} canvas={canvas} />
      </div>
      <GainFigure db={db} />
      <button
        class="mute"
        type="button"
        aria-pressed={muted}
        aria-label={`Mute ${name}`}
        disabled={disabled}
        onClick={() => desk.set(id, "muted", !muted)}
      >
        {muted ? "Muted" : "Mute"}
      </button>
    </article>
  );
}

export function MasterStrip({ master, store, desk, canvas }: Shared & { master: number }) {
  const disabled = !store.live.value;
  const db = (useHeld(store, "", "master_gain_db").value as number | undefined) ?? master;
  return (
    <article class="strip master" aria-label="Master strip">
      <h3>Master</h3>
      <p class="lamp">mix of all</p>
      <div class="column">
        <FaderScale />
        <Fader
          label="Master gain"
          db={db}
          disabled={disabled}
          move={(value) => desk.move("", "master_gain_db", value)}
          release={() => desk.release("", "master_gain_db")}
          set={(value) => desk.set("", "master_gain_db", value)}
        />
        <MeterSlot meter={Meters.MASTER} label="Level of the mix" store={store} canvas={canvas} />
      </div>
      <GainFigure db={db} />
    </article>
  );
}
