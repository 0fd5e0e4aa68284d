/** Values that are typed, as engineers type them: with a comma or a point, any minus, with or without a unit. */

import { GAIN_MIN_DB, tidyGain, tidyPan } from "./fader";

/** `-4.5`, `−4,5`, `+3 dB`, `off`. Null when it is no gain; what is out of range goes to its end. */
export function parseGain(text: string): number | null {
  const tidy = text.trim().toLowerCase().replace(/\s*db$/, "");
  if (/^([-−–]?\s*(∞|inf|infinity)|off|out)$/.test(tidy)) return GAIN_MIN_DB;
  const value = figure(tidy);
  return value === null ? null : tidyGain(value);
}

/** `L40`, `40 R`, `C`, `centre`, `-40` (per cent to the left). Null when it is no pan. */
export function parsePan(text: string): number | null {
  const tidy = text.trim().toLowerCase().replace(/\s*%/, "");
  if (/^(c|cent(re|er)|mid|middle)$/.test(tidy)) return 0;
  const sided = /^(?:(left|right|l|r)\s*(.*)|(.*?)\s*(left|right|l|r))$/.exec(tidy);
  const side = sided?.[1] ?? sided?.[4];
  const way = (sided === null ? tidy : (sided[2] ?? sided[3] ?? "")).trim();
  if (side !== undefined && way === "") return side.startsWith("l") ? -1 : 1;
  const value = figure(way);
  if (value === null || (side !== undefined && value < 0)) return null;
  return tidyPan((side?.startsWith("l") ? -value : value) / 100);
}

/** A whole or broken number in a range; null when it is none. */
export function parseWithin(text: string, low: number, high: number): number | null {
  const value = figure(text.trim());
  return value === null ? null : Math.min(Math.max(value, low), high);
}

function figure(text: string): number | null {
  const plain = text.replace(/^[−–]\s*/, "-").replace(",", ".");
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : null;
}

/** Whether a key on a fader begins a typed value. */
export function beginsTyping(key: string): boolean {
  return /^[0-9+\-−.,]$/.test(key);
}
