import { expect, test } from "vitest";
import { picture } from "./access";

test("the_95th_percentile_is_named_by_its_bucket", () => {
  const bounds_ms = [50, 300, 1000];
  expect(picture({ bounds_ms, counts: [0, 0, 0, 0] })).toMatchObject({ total: 0, p95: "–" });
  expect(picture({ bounds_ms, counts: [95, 5, 0, 0] }).p95).toBe("under 50 ms");
  expect(picture({ bounds_ms, counts: [94, 6, 0, 0] }).p95).toBe("under 300 ms");
  expect(picture({ bounds_ms, counts: [1, 0, 0, 9] }).p95).toBe("over 1000 ms");
});

test("bars_are_relative_to_the_largest_and_late_ones_are_marked", () => {
  const { bars } = picture({ bounds_ms: [50, 300, 1000], counts: [8, 4, 0, 2] });
  expect(bars.map((b) => b.height)).toEqual([1, 0.5, 0, 0.25]);
  expect(bars.map((b) => b.late)).toEqual([false, false, true, true]);
  expect(bars.at(-1)?.label).toBe("over 1000 ms");
});
