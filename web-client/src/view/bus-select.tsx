/** What a strip is to the others. */

import type { Bus } from "../network/wire";
import { BUSES, busSentence } from "../state/desk-words";

interface Props {
  label: string;
  bus: Bus;
  disabled: boolean;
  set: (bus: Bus) => void;
}

export function BusSelect({ label, bus, disabled, set }: Props) {
  return (
    <select class={`bus ${bus}`} aria-label={label} title={busSentence(bus)} value={bus} disabled={disabled} onChange={(event) => set(event.currentTarget.value as Bus)}>
      {BUSES.map((it) => (
        <option key={it} value={it} selected={it === bus}>
          {it}
        </option>
      ))}
    </select>
  );
}
