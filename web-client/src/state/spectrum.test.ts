import { expect, test } from "vitest";
import { columnBins, follow, frequencyToPosition, levelToHeight, positionToFrequency, SINE_DB } from "./spectrum";

const HZ = 48_000 / 8192;
const columns = columnBins(120, HZ);

function bins(level: number, hz?: number): Float32Array {
  const all = new Float32Array(4096).fill(hz === undefined ? level : Number.NEGATIVE_INFINITY);
  if (hz !== undefined) all[Math.round(hz / HZ)] = level;
  return all;
}

test("a_decade_is_as_wide_as_the_next", () => {
  expect(frequencyToPosition(1000) - frequencyToPosition(100)).toBeCloseTo(frequencyToPosition(10_000) - frequencyToPosition(1000), 9);
  expect([frequencyToPosition(50), frequencyToPosition(16_000)]).toEqual([0, 1]);
  expect(positionToFrequency(frequencyToPosition(440))).toBeCloseTo(440, 6);
});

test("a_tone_stands_in_its_column_at_its_level", () => {
  for (const hz of [60, 440, 1000, 12_000]) {
    const shown = new Float32Array(120).fill(-90);
    follow(shown, bins(-20 - SINE_DB, hz), columns, 16);
    const top = shown.indexOf(Math.max(...shown));
    expect(Math.abs(top - frequencyToPosition(hz) * 120), `${hz} Hz`).toBeLessThan(2.5);
    expect(shown[top], `${hz} Hz`).toBeGreaterThan(-21.5);
    expect(shown[top], `${hz} Hz`).toBeLessThan(-19.9);
  }
});

test("it_rises_at_once_and_falls_slowly_to_rest", () => {
  const shown = new Float32Array(120).fill(-90);
  expect(follow(shown, bins(Number.NEGATIVE_INFINITY), columns, 16)).toBe(false);
  expect(follow(shown, bins(-30 - SINE_DB), columns, 16)).toBe(true);
  expect(shown[60]).toBeCloseTo(-30, 4);
  follow(shown, bins(Number.NEGATIVE_INFINITY), columns, 500);
  expect(shown[60]).toBeCloseTo(-60, 3);
  expect(follow(shown, bins(Number.NEGATIVE_INFINITY), columns, 1000)).toBe(false);
});

test("the_scale_ends_at_its_bottom", () => {
  expect([levelToHeight(0), levelToHeight(-45), levelToHeight(-200)]).toEqual([1, 0.5, 0]);
});
