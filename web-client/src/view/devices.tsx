/** Microphone, speaker and what is done to the voice: the same at the door and inside. */

import { useSignal, type Signal } from "@preact/signals";
import type { Device, VoiceStore } from "../state/store";
import { speakerProblem, speakersCanBeChosen } from "./ears";
import { cleanUp, evenLevel, microphoneId, removeEcho, removeNoise, setCleanUp, speakerId } from "./remember";
import { Switch } from "./switch";

export function Devices({ voice }: { voice: VoiceStore }) {
  const { microphones, speakers } = voice.devices.value;
  return (
    <>
      <Choice label="Microphone" devices={microphones} chosen={microphoneId} />
      {speakersCanBeChosen && <Choice label="Speaker" devices={speakers} chosen={speakerId} />}
      {[voice.said.value, speakerProblem.value].map((said) => said !== null && <p key={said} class="quiet" role="status">{said}</p>)}
    </>
  );
}

function Choice({ label, devices, chosen }: { label: string; devices: readonly Device[]; chosen: Signal<string> }) {
  if (devices.length === 0) return null;
  const known = devices.some((d) => d.id === chosen.value);
  return (
    <label class="named">
      <span>{label}</span>
      <select
        aria-label={label}
        value={known ? chosen.value : ""}
        onChange={(event) => {
          chosen.value = event.currentTarget.value;
        }}
      >
        <option value="">The browser’s choice</option>
        {devices.map(({ id, label: name }) => id !== "default" && <option key={id} value={id}>{name}</option>)}
      </select>
    </label>
  );
}

/** The simple switch, and behind it the three that it stands for. */
export function Cleaning() {
  const apart = useSignal(removeEcho.value !== removeNoise.value || removeNoise.value !== evenLevel.value);
  return (
    <>
      <Switch
        label="Clean up my voice"
        hint={cleanUp.value ? "Echo and noise are removed." : apart.value ? "Some of it, or nothing: see below." : "Sent as it is: for music and headphones."}
        on={cleanUp.value}
        toggle={setCleanUp}
      />
      <details
        class="apart"
        open={apart.value}
        onToggle={(event) => {
          apart.value = event.currentTarget.open;
        }}
      >
        <summary>Each by itself</summary>
        {(
          [
            ["Remove echo", removeEcho],
            ["Remove noise", removeNoise],
            ["Even the level", evenLevel],
          ] as const
        ).map(([label, it]) => (
          <Switch
            key={label}
            label={label}
            on={it.value}
            toggle={(on) => {
              it.value = on;
            }}
          />
        ))}
      </details>
    </>
  );
}
