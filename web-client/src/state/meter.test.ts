import { expect, test } from "vitest";
import { AT_REST, isAtRest, levelToPosition, Meters, move } from "./meter";

/** A message; peaks are as high as the levels where they are not given. */
function message(levels: Record<string, number>, master = -127, peaks = levels) {
  return { levels, peaks, master_dbfs: master, master_peak_dbfs: master };
}

/** The meter after `ms` of one level, frame by frame. */
function during(meter: typeof AT_REST, level: number, from: number, ms: number) {
  let m = meter;
  for (let t = from + 10; t <= from + ms; t += 10) m = move(m, level, t, 10);
  return m;
}

test("up_at_once", () => {
  expect(move(AT_REST, -10, 1000, 16).level).toBe(-10);
});

test("down_within_300_ms", () => {
  const loud = move(AT_REST, 0, 0, 16);
  expect(during(loud, -127, 0, 150).level).toBeCloseTo(-30, 0);
  expect(isAtRest({ ...during(loud, -127, 0, 300), peak: -127 })).toBe(true);
});

test("the_peak_stays_one_and_a_half_seconds_then_falls", () => {
  const loud = move(AT_REST, -6, 0, 16);
  expect(during(loud, -40, 0, 1400).peak).toBe(-6);
  expect(during(loud, -40, 0, 2000).peak).toBeCloseTo(-40, 0);
});

test("the_clip_mark_stays_until_it_is_cleared", () => {
  const meters = new Meters();
  meters.hear(message({ a: 0.2, b: -12 }, -3), 0);
  meters.hear(message({ a: -20, b: -12 }, -3), 40);
  meters.advance(60);
  meters.advance(10_000);
  expect(meters.clipped()).toEqual(["a"]);
  meters.clearClip("a");
  expect(meters.clipped()).toEqual([]);
});

test("a_cleared_mark_is_lit_again_by_the_next_message_only", () => {
  const meters = new Meters();
  meters.hear(message({ a: 0.2 }, -3), 0);
  meters.advance(10);
  meters.clearClip("a");
  meters.advance(30);
  expect(meters.clipped()).toEqual([]);
  meters.hear(message({ a: 0.2 }, -3), 40);
  expect(meters.clipped()).toEqual(["a"]);
});

test("who_is_missing_from_the_levels_is_silent", () => {
  const meters = new Meters();
  meters.hear(message({ a: -10, b: -10 }, -7), 0);
  meters.advance(0);
  meters.hear(message({ a: -10 }, -10), 40);
  for (let t = 10; t <= 500; t += 10) {
    if (t % 40 === 0) meters.hear(message({ a: -10 }, -10), t);
    meters.advance(t);
  }
  expect(meters.of("a").level).toBe(-10);
  expect(meters.of("b").level).toBeLessThanOrEqual(-60);
  expect(meters.of(Meters.MASTER).level).toBe(-10);
});

test("meters_come_to_rest_when_no_levels_come", () => {
  const meters = new Meters();
  meters.hear(message({ a: -10 }, -10), 0);
  let moving = true;
  let t = 0;
  for (; moving && t < 10_000; t += 16) moving = meters.advance(t);
  expect(moving).toBe(false);
  expect(t).toBeLessThan(2500);
  expect(isAtRest(meters.of("a"))).toBe(true);
});

test("the_scale_ends_at_minus_60", () => {
  expect([0, -30, -60, -127, 3].map(levelToPosition)).toEqual([1, 0.5, 0, 0, 1]);
});

test("the_line_is_the_largest_sample_and_the_bar_the_level", () => {
  const meters = new Meters();
  meters.hear(message({ a: -20 }, -20, { a: -8 }), 0);
  meters.advance(0);
  meters.advance(16);
  expect(meters.of("a")).toMatchObject({ level: -20, peak: -8, clipped: false });
});

test("the_mark_is_for_samples_at_full_scale_only", () => {
  const meters = new Meters();
  meters.hear(message({ a: 0, b: -14 }, -3, { a: -0.2, b: -0.1 }), 0);
  expect(meters.clipped()).toEqual(["b"]);
});
