/** The room's histogram of access times, as it is drawn. */

import type { AccessTimes } from "../network/wire";

/** Key to permission within this: TS 22.179 §6.15.3 (KPI 1), which mission-critical systems keep. */
export const GOAL_MS = 300;

export interface AccessBar {
  readonly label: string;
  readonly count: number;
  /** 0 to 1, of the largest. */
  readonly height: number;
  readonly late: boolean;
}

export interface AccessPicture {
  readonly bars: readonly AccessBar[];
  readonly total: number;
  /** `under 50 ms`: the bucket in which the 95th percentile is. */
  readonly p95: string;
}

export function picture({ bounds_ms, counts }: AccessTimes): AccessPicture {
  const total = counts.reduce((sum, n) => sum + n, 0);
  const most = Math.max(1, ...counts);
  const bars = counts.map((count, i) => {
    const bound = bounds_ms[i];
    return {
      label: bound === undefined ? `over ${bounds_ms.at(-1) ?? 0} ms` : `up to ${bound} ms`,
      count,
      height: count / most,
      late: bound === undefined || bound > GOAL_MS,
    };
  });
  return { bars, total, p95: total === 0 ? "–" : percentile(bounds_ms, counts, Math.ceil(total * 0.95)) };
}

function percentile(bounds: readonly number[], counts: readonly number[], rank: number): string {
  let seen = 0;
  for (const [i, count] of counts.entries()) {
    seen += count;
    if (seen >= rank) {
      const bound = bounds[i];
      return bound === undefined ? `over ${bounds.at(-1) ?? 0} ms` : `under ${bound} ms`;
    }
  }
  return "–";
}
