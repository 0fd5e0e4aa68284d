import { expect, test } from "vitest";
import { waveform } from "./waveform";

test("each_column_shows_its_largest_sample_of_either_ear", () => {
  const left = new Float32Array(1000);
  const right = new Float32Array(1000);
  left[150] = -0.5;
  right[950] = 0.25;
  right[951] = 3;
  expect([...waveform([left, right], 10)]).toEqual([0, 0.5, 0, 0, 0, 0, 0, 0, 0, 1]);
});

test("an_hour_is_drawn_at_once_and_nothing_is_an_empty_picture", () => {
  expect([...waveform([], 3)]).toEqual([0, 0, 0]);
  expect(waveform([new Float32Array(48_000 * 600).fill(0.5)], 100).every((v) => v === 0.5)).toBe(true);
});
