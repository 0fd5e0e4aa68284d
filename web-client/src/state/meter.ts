/**
 * The ballistics of the meters: the bar (RMS) up at once, down within 300 ms; the line is the largest
 * sample, held for 1.5 s; and a mark that stays once a sample has touched full scale. All levels are
 * dBFS, all times milliseconds.
 */

import type { ServerMessage } from "../network/wire";

export const FLOOR_DBFS = -127;
/** The bottom of the scale on the screen. */
export const SCALE_BOTTOM_DBFS = -60;
/** From here on yellow, then red. */
export const WARN_DBFS = -12;
export const HOT_DBFS = -4;
/** A sample this large is at full scale, give or take rounding. */
export const CLIP_DBFS = -0.1;

const FALL_MS = 300;
const HOLD_MS = 1500;
/** Levels come every 50 ms or faster; after this long without any, nobody is heard. */
const STALE_MS = 200;

export interface Meter {
  readonly level: number;
  readonly peak: number;
  /** When the peak was reached. */
  readonly peakAt: number;
  readonly clipped: boolean;
}

export const AT_REST: Meter = { level: FLOOR_DBFS, peak: FLOOR_DBFS, peakAt: 0, clipped: false };

/** The meter `elapsed` ms later, when the level is now `target` and its largest sample `sample`. */
export function move(meter: Meter, target: number, now: number, elapsed: number, sample = target): Meter {
  const level = fall(meter.level, target, elapsed);
  const held = now - meter.peakAt < HOLD_MS;
  const fallen = held ? meter.peak : fall(meter.peak, sample, elapsed);
  const top = Math.max(level, sample);
  const risen = top >= fallen;
  return {
    level,
    peak: risen ? top : fallen,
    peakAt: risen ? now : meter.peakAt,
    clipped: meter.clipped,
  };
}

/** From the scale's top to its bottom in 300 ms. */
function fall(from: number, target: number, elapsed: number): number {
  if (target >= from) return target;
  const next = from + (SCALE_BOTTOM_DBFS / FALL_MS) * elapsed;
  return Math.max(next <= SCALE_BOTTOM_DBFS ? FLOOR_DBFS : next, target);
}

/** Where a level stands on the scale: 0 bottom, 1 top. */
export function levelToPosition(dbfs: number): number {
  return Math.min(Math.max(1 - dbfs / SCALE_BOTTOM_DBFS, 0), 1);
}

/** Nothing to draw and nothing that moves. */
export function isAtRest(meter: Meter): boolean {
  return meter.level <= SCALE_BOTTOM_DBFS && meter.peak <= SCALE_BOTTOM_DBFS;
}

interface Target {
  readonly level: number;
  readonly peak: number;
}

const SILENT: Target = { level: FLOOR_DBFS, peak: FLOOR_DBFS };

/** What the meters need of a message. */
export type Levels = Pick<
  Extract<ServerMessage, { type: "meters" }>,
  "levels" | "peaks" | "master_dbfs" | "master_peak_dbfs"
>;

/** The meters of a room, by track id; the mix of all has the key `MASTER`. */
export class Meters {
  static readonly MASTER = "";
  /** Called when levels come, so that who draws them can sleep while none do. */
  onheard: (() => void) | null = null;
  #targets: ReadonlyMap<string, Target> = new Map();
  #heardAt = Number.NEGATIVE_INFINITY;
  #meters = new Map<string, Meter>();
  #movedAt: number | null = null;

  /** Takes the levels of one message; who is missing from it is silent. */
  hear({ levels, peaks, master_dbfs, master_peak_dbfs }: Levels, now: number): void {
    const targets = new Map<string, Target>();
    for (const key in levels) {
      const level = levels[key] ?? FLOOR_DBFS;
      targets.set(key, { level, peak: peaks[key] ?? level });
    }
    targets.set(Meters.MASTER, { level: master_dbfs, peak: master_peak_dbfs });
    this.#targets = targets;
    this.#heardAt = now;
    for (const [key, { peak }] of targets) {
      // Here and not in `advance`: one message lights the mark once, however often it is drawn.
      if (peak >= CLIP_DBFS) this.#meters.set(key, { ...this.of(key), clipped: true });
      else if (!this.#meters.has(key)) this.#meters.set(key, AT_REST);
    }
    this.onheard?.();
  }

  /** Moves all meters to the time `now`. Whether anything still moves. */
  advance(now: number): boolean {
    const elapsed = this.#movedAt === null ? 0 : Math.max(now - this.#movedAt, 0);
    const fresh = now - this.#heardAt < STALE_MS;
    let moving = fresh;
    for (const [key, meter] of this.#meters) {
      const target = fresh ? (this.#targets.get(key) ?? SILENT) : SILENT;
      const next = move(meter, target.level, now, elapsed, target.peak);
      if (isAtRest(next) && !next.clipped && !this.#targets.has(key)) this.#meters.delete(key);
      else this.#meters.set(key, next);
      moving ||= !isAtRest(next);
    }
    this.#movedAt = moving ? now : null;
    return moving;
  }

  of(key: string): Meter {
    return this.#meters.get(key) ?? AT_REST;
  }

  clearClip(key: string): void {
    const meter = this.#meters.get(key);
    if (meter !== undefined) this.#meters.set(key, { ...meter, clipped: false });
  }

  /** The keys whose clip mark is lit, in no particular order. */
  clipped(): string[] {
    return [...this.#meters].flatMap(([key, meter]) => (meter.clipped ? [key] : []));
  }

  /** Forgets all: the room was left. */
  clear(): void {
    this.#targets = new Map();
    this.#meters.clear();
    this.#heardAt = Number.NEGATIVE_INFINITY;
    this.#movedAt = null;
  }
}
