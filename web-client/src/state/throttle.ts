/** At most one send in so many milliseconds, and the last value is never lost. */

export interface Throttle<T> {
  readonly sentAt: number;
  readonly pending: T | null;
}

export function idle<T>(): Throttle<T> {
  return { sentAt: Number.NEGATIVE_INFINITY, pending: null };
}

export interface Offered<T> {
  readonly throttle: Throttle<T>;
  /** Send this now. */
  readonly send: T | null;
  /** Call `due` after so many milliseconds. */
  readonly wait: number | null;
}

/** A new value, which takes the place of one that waits. */
export function offer<T>(throttle: Throttle<T>, value: T, now: number, everyMs: number): Offered<T> {
  const left = throttle.sentAt + everyMs - now;
  if (left <= 0) return { throttle: { sentAt: now, pending: null }, send: value, wait: null };
  const wait = throttle.pending === null ? left : null;
  return { throttle: { ...throttle, pending: value }, send: null, wait };
}

/** The wait is over. */
export function due<T>(throttle: Throttle<T>, now: number): Offered<T> {
  if (throttle.pending === null) return { throttle, send: null, wait: null };
  return { throttle: { sentAt: now, pending: null }, send: throttle.pending, wait: null };
}
