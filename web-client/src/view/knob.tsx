/** The pan knob: its arc starts at the centre, because a pan has two sides. */

import { panByKey, panSpoken, panText, tidyPan } from "../state/fader";
import { beginsTyping } from "../state/typed";
import { useDrag } from "./drag";

/** So many pixels from one side to the other. */
const WAY_PX = 140;
/** The arc goes so many degrees to each side of the top. */
const SWEEP = 135;
const RADIUS = 17;

interface Props {
  label: string;
  pan: number;
  disabled: boolean;
  move: (pan: number) => void;
  release: () => void;
  set: (pan: number) => void;
  /** A value is about to be typed, beginning with this. */
  type: (text: string) => void;
}

export function Knob({ label, pan, disabled, move, release, set, type }: Props) {
  const drag = useDrag(
    {
      begin: () => pan,
      move: (from, x, y) => move(tidyPan(from + ((x + y) * 2) / WAY_PX)),
      end: release,
    },
    disabled,
  );
  const tip = point(pan * SWEEP);
  return (
    <div class={disabled ? "knob off" : "knob"} {...drag} onDblClick={() => !disabled && set(0)} title="Double-click for the centre">
      <input
        type="range"
        min={-1}
        max={1}
        step={0.01}
        value={pan}
        disabled={disabled}
        aria-label={label}
        aria-valuetext={panSpoken(pan)}
        onKeyDown={(event) => {
          if (event.metaKey || event.ctrlKey || event.altKey) return;
          const wanted = panByKey(event.key, pan);
          if (wanted !== null) set(wanted);
          else if (event.key === "Enter") type(panText(pan));
          else if (beginsTyping(event.key) || /^[lrc]$/i.test(event.key)) type(event.key);
          else return;
          event.preventDefault();
        }}
        onInput={(event) => set(tidyPan(event.currentTarget.valueAsNumber))}
      />
      <svg viewBox="-22 -22 44 44" aria-hidden="true">
        <path class="knob-way" d={arc(-SWEEP, SWEEP)} />
        {pan !== 0 && <path class="knob-arc" d={arc(0, pan * SWEEP)} />}
        <circle class="knob-tip" cx={tip[0]} cy={tip[1]} r="3" />
      </svg>
    </div>
  );
}

function point(degrees: number): [number, number] {
  const radians = (degrees * Math.PI) / 180;
  return [round(Math.sin(radians) * RADIUS), round(-Math.cos(radians) * RADIUS)];
}

function arc(from: number, to: number): string {
  const [low, high] = from < to ? [from, to] : [to, from];
  const wide = high - low > 180 ? 1 : 0;
  return `M${point(low).join(" ")}A${RADIUS} ${RADIUS} 0 ${wide} 1 ${point(high).join(" ")}`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
