/** The last minute of short-term loudness, for the graph; times in milliseconds, loudness in LUFS. */

/** The server says −127 while there is none yet. */
export const NO_LUFS = -127;
export const TRACE_MS = 60_000;
const EVERY_MS = 200;

/** What the graph shows from bottom to top, LUFS. */
export const GRAPH_BOTTOM_LUFS = -48;
export const GRAPH_TOP_LUFS = -6;
/** EBU R128: where a programme is to lie. */
export const TARGET_LUFS = -23;

export class LoudnessTrace {
  #points: { at: number; lufs: number }[] = [];
  /** Counts what came: a picture of the same number is the same. */
  count = 0;

  push(now: number, lufs: number): void {
    const last = this.#points.at(-1);
    if (last !== undefined && now - last.at < EVERY_MS) return;
    this.#points.push({ at: now, lufs });
    this.count += 1;
    const from = this.#points.findIndex((p) => now - p.at <= TRACE_MS);
    if (from > 0) this.#points.splice(0, from);
  }

  /** From left (0: a minute ago) to right (1: now), bottom (0) to top (1); null where there was none. */
  points(now: number): { x: number; y: number | null }[] {
    return this.#points.flatMap(({ at, lufs }) => (now - at > TRACE_MS ? [] : [{ x: 1 - (now - at) / TRACE_MS, y: heightOf(lufs) }]));
  }
}

export function heightOf(lufs: number): number | null {
  if (lufs <= NO_LUFS) return null;
  return Math.min(Math.max((lufs - GRAPH_BOTTOM_LUFS) / (GRAPH_TOP_LUFS - GRAPH_BOTTOM_LUFS), 0), 1);
}

/** `−18.6`, or a dash while there is none. */
export function lufsText(lufs: number): string {
  return lufs <= NO_LUFS ? "–" : `${lufs < 0 ? "−" : "+"}${Math.abs(lufs).toFixed(1)}`;
}
