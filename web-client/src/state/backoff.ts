/** How long to wait before the next try: 0.5, 1, 2, 4 s, then 4 s again and again. */

const DELAYS_MS = [500, 1000, 2000, 4000] as const;

/** A connection that held this long starts again with the shortest wait. */
const STEADY_MS = 5000;

/** `failures`: how many tries in a row have failed, 0 for the first loss. */
export function delayMs(failures: number): number {
  return DELAYS_MS[Math.min(Math.max(failures, 0), DELAYS_MS.length - 1)] ?? 4000;
}

/** The count of failures when a connection that opened at `openedAt` (null: never) is lost. */
export function failuresAfterLoss(failures: number, openedAt: number | null, now: number): number {
  return openedAt !== null && now - openedAt >= STEADY_MS ? 0 : failures;
}

/** Whole seconds to say to a person, never 0 before the time has come. */
export function secondsLeft(until: number, now: number): number {
  return Math.max(1, Math.ceil((until - now) / 1000));
}
