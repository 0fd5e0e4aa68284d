/** A fader: a native range for keys and screen readers, a cap and a way for the eye and the hand. */

import { useRef } from "preact/hooks";
import { gainByKey, gainSpoken, gainText, gainToPosition, positionToGain, SCALE_DB, tidyGain } from "../state/fader";
import { beginsTyping } from "../state/typed";
import { useDrag } from "./drag";

interface Props {
  label: string;
  db: number;
  disabled: boolean;
  /** While it is dragged. */
  move: (db: number) => void;
  /** The hand let go. */
  release: () => void;
  /** One move with nothing held. */
  set: (db: number) => void;
  /** Where the hand takes hold, if it is not where the cap stands. */
  begin?: () => void;
  /** A value is about to be typed, beginning with this. */
  type: (text: string) => void;
}

export function Fader({ label, db, disabled, move, release, set, begin, type }: Props) {
  const way = useRef<HTMLDivElement>(null);
  const drag = useDrag(
    {
      begin: () => {
        begin?.();
        return gainToPosition(db);
      },
      move: (from, _x, y) => move(tidyGain(positionToGain(from + y / (way.current?.clientHeight ?? 200)))),
      end: release,
    },
    disabled,
  );
  const position = gainToPosition(db);
  return (
    <div class={disabled ? "fader off" : "fader"} {...drag} onDblClick={() => !disabled && set(0)}>
      <div class="fader-way" ref={way}>
        <input
          type="range"
          min={0}
          max={1}
          step="any"
          value={position}
          disabled={disabled}
          aria-label={label}
          aria-orientation="vertical"
          aria-valuetext={gainSpoken(db)}
          onKeyDown={(event) => {
            if (event.metaKey || event.ctrlKey || event.altKey) return;
            const wanted = gainByKey(event.key, db);
            if (wanted !== null) set(wanted);
            else if (event.key === "Enter") type(gainText(db));
            else if (beginsTyping(event.key)) type(event.key);
            else return;
            event.preventDefault();
          }}
          onInput={(event) => set(tidyGain(positionToGain(event.currentTarget.valueAsNumber)))}
        />
        <i class="fader-unity" style={{ bottom: `${gainToPosition(0) * 100}%` }} />
        <i class="fader-cap" style={{ bottom: `${position * 100}%` }} />
      </div>
    </div>
  );
}

/** The figures beside a fader. */
export function FaderScale() {
  return (
    <div class="scale" aria-hidden="true">
      {SCALE_DB.map((db) => (
        <i key={db} class={db === 0 ? "unity" : ""} style={{ bottom: `${gainToPosition(db) * 100}%` }}>
          {db === -60 ? "∞" : Math.abs(db)}
        </i>
      ))}
    </div>
  );
}
