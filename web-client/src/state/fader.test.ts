import { expect, test } from "vitest";
import {
  gainByKey,
  gainSpoken,
  gainText,
  gainToPosition,
  panByKey,
  panSpoken,
  panText,
  positionToGain,
  tidyGain,
  tidyPan,
} from "./fader";

test("unity_is_about_a_quarter_from_the_top", () => {
  expect(gainToPosition(0)).toBeGreaterThan(0.7);
  expect(gainToPosition(0)).toBeLessThan(0.8);
  expect(gainToPosition(20)).toBe(1);
  expect(gainToPosition(-60)).toBe(0);
});

test("position_and_gain_are_each_others_inverse", () => {
  for (let db = -60; db <= 20; db += 0.5) {
    expect(positionToGain(gainToPosition(db))).toBeCloseTo(db, 9);
  }
});

test("the_law_always_rises", () => {
  for (let db = -60; db < 20; db += 0.5) {
    expect(gainToPosition(db + 0.5)).toBeGreaterThan(gainToPosition(db));
  }
});

test("no_way_leads_out_of_the_range", () => {
  expect(tidyGain(99)).toBe(20);
  expect(tidyGain(-99)).toBe(-60);
  expect(positionToGain(2)).toBe(20);
  expect(gainByKey("ArrowUp", 20)).toBe(20);
  expect(gainByKey("PageDown", -59)).toBe(-60);
  expect(tidyPan(-1.2)).toBe(-1);
  expect(panByKey("ArrowRight", 1)).toBe(1);
});

test("arrows_are_half_a_decibel", () => {
  expect(gainByKey("ArrowUp", -3)).toBe(-2.5);
  expect(gainByKey("ArrowDown", 0)).toBe(-0.5);
  expect(gainByKey("Tab", 0)).toBeNull();
  expect(gainByKey(" ", 0)).toBeNull();
});

test("gains_read_as_an_engineer_writes_them", () => {
  expect([-60, -6, -0.04, 0, 3].map(gainText)).toEqual(["off", "−6.0", "0.0", "0.0", "+3.0"]);
  expect(gainSpoken(-6)).toBe("−6.0 dB");
});

test("pans_have_a_side_and_a_centre_that_is_easy_to_hit", () => {
  expect([-1, -0.4, 0, 0.5].map(panText)).toEqual(["L100", "L40", "C", "R50"]);
  expect(panSpoken(-0.4)).toBe("40 % left");
  expect(tidyPan(0.02)).toBe(0);
  expect(Object.is(tidyPan(-0.01), 0)).toBe(true);
});
