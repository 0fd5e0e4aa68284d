/** What a page must hear, and patience until it does. */

import assert from "node:assert/strict";
import { heard } from "./tone.mjs";

const SILENT_DBFS = -60;

/** Tries until `check` throws no more, at most for 30 s; then its last complaint counts. */
export async function soon(check) {
  const end = Date.now() + 30_000;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((next) => setTimeout(next, 50));
    }
  }
}

export function near(level, dbfs, what, tolerance = 1) {
  assert.ok(Math.abs(level - dbfs) <= tolerance, `${what}: ${level.toFixed(1)} dBFS, not ${dbfs} ± ${tolerance}`);
}

export function silent(level, what) {
  assert.ok(level <= SILENT_DBFS, `${what}: ${level.toFixed(1)} dBFS, not silent`);
}

/** This page hears one tone at this level in both ears, and not the other. */
export async function hears(page, tone, dbfs, not, tolerance = 1) {
  const [voice, own] = await heard(page, [tone, not]);
  near(voice.left, dbfs, `${tone} Hz left`, tolerance);
  near(voice.right, dbfs, `${tone} Hz right`, tolerance);
  silent(own.left, `${not} Hz left`);
  silent(own.right, `${not} Hz right`);
}
