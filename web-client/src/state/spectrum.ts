/** A spectrum on a logarithmic axis: which bins of a Fourier transform stand behind each column. */

export const LOW_HZ = 50;
export const HIGH_HZ = 16_000;
export const BOTTOM_DB = -90;
/** Lines of the grid. */
export const GRID_HZ = [100, 1000, 10_000] as const;
export const GRID_DB = [-20, -40, -60, -80] as const;

/**
 * A full-scale sine reads 0 dB with this added: the analyser's Blackman window (Web Audio API §1.8.6,
 * mean 0.42) and the half of the energy at negative frequencies take 13.56 dB away.
 */
export const SINE_DB = -20 * Math.log10(0.42 / 2);

/** A column falls so fast, dB a second. */
const FALL_DB_S = 60;

/** 0 at the left end of the axis, 1 at the right. */
export function frequencyToPosition(hz: number): number {
  return Math.log(hz / LOW_HZ) / Math.log(HIGH_HZ / LOW_HZ);
}

export function positionToFrequency(position: number): number {
  return LOW_HZ * (HIGH_HZ / LOW_HZ) ** position;
}

/** 0 bottom, 1 top. */
export function levelToHeight(db: number): number {
  return Math.min(Math.max(1 - db / BOTTOM_DB, 0), 1);
}

/** Bins (fractional) from and to which each column reaches. `hz`: the width of a bin. */
export function columnBins(columns: number, hz: number): { from: number; to: number }[] {
  return Array.from({ length: columns }, (_, i) => ({
    from: positionToFrequency(i / columns) / hz,
    to: positionToFrequency((i + 1) / columns) / hz,
  }));
}

/** The level of each column: the largest bin in it, or what lies between two bins where they are wide.
 * Columns rise at once and fall slowly. Writes into `shown`; whether anything is on the scale. */
export function follow(shown: Float32Array, bins: Float32Array, columns: readonly { from: number; to: number }[], elapsedMs: number): boolean {
  const fall = (FALL_DB_S * elapsedMs) / 1000;
  let any = false;
  for (let i = 0; i < columns.length; i += 1) {
    const { from, to } = columns[i] ?? { from: 0, to: 0 };
    const level = Math.max(columnLevel(bins, from, to) + SINE_DB, (shown[i] ?? BOTTOM_DB) - fall, BOTTOM_DB);
    shown[i] = level;
    any ||= level > BOTTOM_DB;
  }
  return any;
}

function columnLevel(bins: Float32Array, from: number, to: number): number {
  const first = Math.ceil(from);
  const last = Math.floor(to);
  let largest = between(bins, (from + to) / 2);
  for (let bin = first; bin <= last; bin += 1) largest = Math.max(largest, finite(bins[bin]));
  return largest;
}

function between(bins: Float32Array, at: number): number {
  const low = Math.floor(at);
  const part = at - low;
  return finite(bins[low]) * (1 - part) + finite(bins[low + 1]) * part;
}

/** Digital silence is −∞ dB. */
function finite(db: number | undefined): number {
  return db === undefined || !(db > -200) ? -200 : db;
}
