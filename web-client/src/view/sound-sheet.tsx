/** What one sets for oneself, and how fast the floor answers in this room. */

import { useCallback } from "preact/hooks";
import { GOAL_MS, picture } from "../state/access";
import type { RoomStore } from "../state/store";
import { Cleaning, Devices } from "./devices";
import { LevelBar } from "./level-bar";
import { allowDirect, stayAwake, tones, volume } from "./remember";
import { useRig } from "./rig-context";
import { Switch } from "./switch";

export function SoundSheet({ store }: { store: RoomStore }) {
  const rig = useRig();
  const read = useCallback(() => rig.voice.level(), [rig]);
  return (
    <div class="own-settings">
      <label class="named">
        <span>My volume</span>
        <input
          type="range"
          class="volume"
          min={0}
          max={1}
          step={0.01}
          value={volume.value}
          aria-valuetext={`${Math.round(volume.value * 100)} %`}
          style={{ "--filled": `${volume.value * 100}%` }}
          onInput={(event) => {
            volume.value = event.currentTarget.valueAsNumber;
          }}
        />
      </label>
      {store.microphone.value && (
        <div class="named">
          <span>My level</span>
          <LevelBar read={read} label="Level of my microphone" />
        </div>
      )}
      <Devices voice={rig.voice.store} />
      <Cleaning />
      <Switch label="Tones" hint="Heard and felt when the floor changes hands." on={tones.value} toggle={(on) => (tones.value = on)} />
      <Switch label="Keep the screen on" on={stayAwake.value} toggle={(on) => (stayAwake.value = on)} />
      <Switch
        label="Allow direct calls"
        hint="The other’s browser sees your network address."
        on={allowDirect.value}
        toggle={(on) => (allowDirect.value = on)}
      />
      {store.view.value?.room.mode === "floor" && <Access store={store} />}
    </div>
  );
}

/** From the key to the permission, as all pages of this room have measured it. */
function Access({ store }: { store: RoomStore }) {
  const room = store.view.value?.room;
  if (room === undefined) return null;
  const { bars, total, p95 } = picture(room.floor.access);
  return (
    <section class="access" aria-label="Access times">
      <h3>Key to permission</h3>
      {total === 0 ? (
        <p class="quiet">Nobody has asked for the floor yet.</p>
      ) : (
        <>
          <p class="figures">
            95 % {p95} · {total} asked · goal {GOAL_MS} ms
          </p>
          <ul class="bars">
            {bars.map(({ label, count, height, late }) => (
              <li key={label} class={late ? "late" : ""} title={`${label}: ${count}`}>
                <i style={{ height: `${Math.max(height * 100, count > 0 ? 6 : 2)}%` }} />
                <span class="sr">{`${label}: ${count}`}</span>
              </li>
            ))}
          </ul>
          <p class="bars-scale figures" aria-hidden="true">
            <span>10 ms</span>
            <span style={{ left: `${(bars.filter((b) => !b.late).length / bars.length) * 100}%` }}>{GOAL_MS} ms</span>
          </p>
        </>
      )}
    </section>
  );
}
