/**
 * The ballistics of the meters: up at once, down within 300 ms, the peak held for 1.5 s, and a mark
 * that stays once the level has touched full scale. All levels are dBFS, all times milliseconds.
 */

export const FLOOR_DBFS = -127;
/** The bottom of the scale on the screen. */
export const SCALE_BOTTOM_DBFS = -60;
/** From here on yellow, then red. */
export const WARN_DBFS = -12;
export const HOT_DBFS = -4;
/** An RMS level this high means a wave that touches full scale. */
export const CLIP_DBFS = -0.5;

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

/** The meter `elapsed` ms later, when the level is now `target`. */
export function move(meter: Meter, target: number, now: number, elapsed: number): Meter {
  const level = fall(meter.level, target, elapsed);
  const held = now - meter.peakAt < HOLD_MS;
  const fallen = held ? meter.peak : fall(meter.peak, target, elapsed);
  const risen = level >= fallen;
  return {
    level,
    peak: risen ? level : fallen,
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

/** The meters of a room, by track id; the mix of all has the key `MASTER`. */
export class Meters {
  static readonly MASTER = "";
  /** Called when levels come, so that who draws them can sleep while none do. */
  onheard: (() => void) | null = null;
  #targets: ReadonlyMap<string, number> = new Map();
  #heardAt = Number.NEGATIVE_INFINITY;
  #meters = new Map<string, Meter>();
  #movedAt: number | null = null;

  /** Takes the levels of one message; who is missing from it is silent. */
  hear(levels: Readonly<Record<string, number>>, master: number, now: number): void {
    this.#targets = new Map([...Object.entries(levels), [Meters.MASTER, master]]);
    this.#heardAt = now;
    for (const [key, level] of this.#targets) {
      // Here and not in `advance`: one message lights the mark once, however often it is drawn.
      if (level >= CLIP_DBFS) this.#meters.set(key, { ...this.of(key), clipped: true });
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
      const target = fresh ? (this.#targets.get(key) ?? FLOOR_DBFS) : FLOOR_DBFS;
      const next = move(meter, target, now, elapsed);
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
