/**
 * The law of a fader: where on its way (0 bottom, 1 top) a gain stands, and how gain and pan are
 * written. 0 dB is at about a quarter from the top; the ten dB around it take the most room.
 */

export const GAIN_MIN_DB = -60;
export const GAIN_MAX_DB = 20;

/** Corners of the law, from the bottom: [dB, position]. Straight lines between them. */
const LAW: readonly (readonly [number, number])[] = [
  [-60, 0],
  [-40, 0.15],
  [-20, 0.37],
  [-10, 0.55],
  [0, 0.76],
  [20, 1],
];

/** The lines beside a fader, dB. */
export const SCALE_DB = [20, 10, 0, -5, -10, -20, -30, -40, -60] as const;

export function gainToPosition(db: number): number {
  return between(LAW, clamp(db, GAIN_MIN_DB, GAIN_MAX_DB));
}

export function positionToGain(position: number): number {
  return between(INVERSE, clamp(position, 0, 1));
}

const INVERSE = LAW.map(([db, position]) => [position, db] as const);

function between(points: readonly (readonly [number, number])[], x: number): number {
  for (let i = 1; i < points.length; i += 1) {
    const [x0, y0] = points[i - 1] ?? [0, 0];
    const [x1, y1] = points[i] ?? [0, 0];
    if (x <= x1) return y0 + ((x - x0) / (x1 - x0)) * (y1 - y0);
  }
  return points.at(-1)?.[1] ?? 0;
}

/** A gain as it is sent: in range, in steps of 0.1 dB. */
export function tidyGain(db: number): number {
  return clamp(Math.round(db * 10) / 10, GAIN_MIN_DB, GAIN_MAX_DB) + 0;
}

/** A pan as it is sent: in range, in steps of 0.01, and the centre is easy to find. */
export function tidyPan(pan: number): number {
  const near = Math.abs(pan) < 0.03 ? 0 : pan;
  return clamp(Math.round(near * 100) / 100, -1, 1) + 0;
}

/** `+3.0`, `0.0`, `−6.5`, `off`. */
export function gainText(db: number): string {
  if (db <= GAIN_MIN_DB) return "off";
  const figure = Math.abs(db).toFixed(1);
  if (figure === "0.0") return figure;
  return (db > 0 ? "+" : "−") + figure;
}

/** The same for a screen reader. */
export function gainSpoken(db: number): string {
  return db <= GAIN_MIN_DB ? "off" : `${gainText(db)} dB`;
}

/** `C`, `L40`, `R100`. */
export function panText(pan: number): string {
  const percent = Math.round(Math.abs(pan) * 100);
  if (percent === 0) return "C";
  return (pan < 0 ? "L" : "R") + percent;
}

/** The same for a screen reader. */
export function panSpoken(pan: number): string {
  const percent = Math.round(Math.abs(pan) * 100);
  return percent === 0 ? "centre" : `${percent} % ${pan < 0 ? "left" : "right"}`;
}

/** The gain that a key asks for, or null if the key is not for the fader. */
export function gainByKey(key: string, db: number): number | null {
  switch (key) {
    case "ArrowUp":
    case "ArrowRight":
      return tidyGain(db + 0.5);
    case "ArrowDown":
    case "ArrowLeft":
      return tidyGain(db - 0.5);
    case "PageUp":
      return tidyGain(db + 3);
    case "PageDown":
      return tidyGain(db - 3);
    case "Home":
      return GAIN_MIN_DB;
    case "End":
      return GAIN_MAX_DB;
    case "Delete":
    case "Backspace":
      return 0;
    default:
      return null;
  }
}

/** The pan that a key asks for, or null if the key is not for the knob. */
export function panByKey(key: string, pan: number): number | null {
  switch (key) {
    case "ArrowUp":
    case "ArrowRight":
      return stepPan(pan + 0.05);
    case "ArrowDown":
    case "ArrowLeft":
      return stepPan(pan - 0.05);
    case "Home":
      return -1;
    case "End":
      return 1;
    case "Delete":
    case "Backspace":
      return 0;
    default:
      return null;
  }
}

function stepPan(pan: number): number {
  return clamp(Math.round(pan * 20) / 20, -1, 1) + 0;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
