import { expect, test } from "vitest";
import { heightOf, LoudnessTrace, lufsText } from "./loudness";

test("the_trace_keeps_a_minute_and_a_few_points_a_second", () => {
  const trace = new LoudnessTrace();
  for (let t = 0; t < 120_000; t += 40) trace.push(t, -20);
  const points = trace.points(120_000);
  expect(points.length).toBeGreaterThan(280);
  expect(points.length).toBeLessThanOrEqual(301);
  expect(points[0]?.x).toBeCloseTo(0, 1);
  expect(points.at(-1)?.x).toBeCloseTo(1, 1);
});

test("where_there_was_no_loudness_there_is_no_line", () => {
  const trace = new LoudnessTrace();
  trace.push(0, -127);
  trace.push(1000, -27);
  expect(trace.points(1000).map((p) => p.y)).toEqual([null, 0.5]);
  expect([heightOf(-99), heightOf(0)]).toEqual([0, 1]);
});

test("loudness_reads_with_one_place", () => {
  expect([-127, -18.64, 0.5].map(lufsText)).toEqual(["–", "−18.6", "+0.5"]);
});
