/** The room's settings of floor and buses, as figures that are typed. */

import { useSignal } from "@preact/signals";
import type { Desk } from "../network/desk";
import type { RoomState } from "../network/wire";
import type { RoomControl } from "../state/holds";
import type { RoomStore } from "../state/store";
import { parseWithin } from "../state/typed";
import { Switch } from "./switch";
import { useHeld } from "./use-held";

interface Setting {
  control: RoomControl;
  label: string;
  unit: string;
  low: number;
  high: number;
  /** What the wire counts in one of the unit: 1000 ms in a second. */
  per: number;
  whole: boolean;
}

const FLOOR: readonly Setting[] = [
  { control: "floor_holders", label: "Talk at once", unit: "", low: 1, high: 16, per: 1, whole: true },
  { control: "floor_queue", label: "Places in the queue", unit: "", low: 0, high: 64, per: 1, whole: true },
  { control: "floor_talk_ms", label: "Longest talk (0: no limit)", unit: "s", low: 0, high: 3600, per: 1000, whole: false },
  { control: "floor_warning_ms", label: "Warned before its end", unit: "s", low: 0, high: 3600, per: 1000, whole: false },
  { control: "floor_grace_ms", label: "Still heard after it", unit: "s", low: 0, high: 60, per: 1000, whole: false },
];

const BUSES: readonly Setting[] = [
  { control: "duck_db", label: "A voice pushes programs down", unit: "dB", low: 0, high: 60, per: 1, whole: false },
  { control: "duck_attack_ms", label: "within", unit: "ms", low: 1, high: 10_000, per: 1, whole: true },
  { control: "duck_hold_ms", label: "stays down for", unit: "ms", low: 0, high: 60_000, per: 1, whole: true },
  { control: "duck_release_ms", label: "comes back within", unit: "ms", low: 1, high: 60_000, per: 1, whole: true },
  { control: "dim_db", label: "An announcement pushes all down", unit: "dB", low: 0, high: 60, per: 1, whole: false },
];

interface Props {
  room: RoomState;
  store: RoomStore;
  desk: Desk;
}

export function RoomSettings({ room, store, desk }: Props) {
  const field = (setting: Setting) => <Field key={setting.control} setting={setting} room={room} store={store} desk={desk} />;
  return (
    <>
      <fieldset class="room-settings">
        <legend>By the floor</legend>
        {FLOOR.map(field)}
        <Switch label="A higher priority takes the floor" on={room.floor_preemption} toggle={(on) => desk.set("", "floor_preemption", on)} />
      </fieldset>
      <fieldset class="room-settings">
        <legend>Buses</legend>
        {BUSES.map(field)}
      </fieldset>
      <fieldset class="room-settings">
        <legend>Delay</legend>
        <Switch
          label="Packets of 10 ms: sooner heard, more for the network"
          on={room.frame_ms === 10}
          toggle={(on) => desk.set("", "frame_ms", on ? 10 : 20)}
        />
      </fieldset>
    </>
  );
}

function Field({ setting, room, store, desk }: Props & { setting: Setting }) {
  const { control, label, unit, low, high, per, whole } = setting;
  const value = useHeld<number>(store, "", control).value ?? (room[control] as number);
  // What is half typed stays when the room changes meanwhile; null while nothing is typed.
  const typing = useSignal<string | null>(null);
  const take = () => {
    const typed = typing.value === null ? null : parseWithin(typing.value, low, high);
    typing.value = null;
    if (typed === null) return;
    const wanted = whole || per > 1 ? Math.round(typed * per) : typed;
    if (wanted !== value) desk.set("", control, wanted);
  };
  return (
    <label class="setting-row">
      <span>{label}</span>
      <input
        type="text"
        inputMode="decimal"
        autocomplete="off"
        value={typing.value ?? String(value / per)}
        onInput={(event) => (typing.value = event.currentTarget.value)}
        onBlur={take}
        onKeyDown={(event) => {
          if (event.key === "Enter") take();
        }}
      />
      <small>{unit}</small>
    </label>
  );
}
