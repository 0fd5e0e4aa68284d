import { expect, test } from "vitest";
import { beginsTyping, parseGain, parsePan, parseWithin } from "./typed";

test("gains_are_read_as_people_type_them", () => {
  for (const text of ["-4.5", "−4,5", "–4.5", " -4.5 dB ", "- 4,5".replace(" ", "")]) expect(parseGain(text), text).toBe(-4.5);
  expect(parseGain("+3")).toBe(3);
  expect(parseGain("0")).toBe(0);
  expect(parseGain(".5")).toBe(0.5);
  for (const text of ["off", "OFF", "-inf", "−∞", "∞"]) expect(parseGain(text), text).toBe(-60);
});

test("a_typed_gain_stays_in_the_range_and_nonsense_is_none", () => {
  expect(parseGain("99")).toBe(20);
  expect(parseGain("-300")).toBe(-60);
  for (const text of ["", "loud", "1.2.3", "--4", "1e3", "4 5"]) expect(parseGain(text), text).toBeNull();
});

test("pans_are_read_with_their_side_on_either_end", () => {
  for (const text of ["L40", "l 40", "40 L", "-40", "−40 %", "left 40"]) expect(parsePan(text), text).toBe(-0.4);
  expect(parsePan("R25")).toBe(0.25);
  expect(parsePan("right")).toBe(1);
  expect(parsePan("L")).toBe(-1);
  for (const text of ["C", "centre", "center", "0"]) expect(parsePan(text), text).toBe(0);
  for (const text of ["", "L-40", "LR", "x"]) expect(parsePan(text), text).toBeNull();
  expect(parsePan("R400")).toBe(1);
});

test("other_figures_have_a_range", () => {
  expect(parseWithin("2,5", 0, 60)).toBe(2.5);
  expect(parseWithin("-1", 0, 60)).toBe(0);
  expect(parseWithin("many", 0, 60)).toBeNull();
});

test("a_digit_or_a_sign_on_a_fader_begins_typing", () => {
  expect(["4", "-", "−", ",", "+"].every(beginsTyping)).toBe(true);
  expect(["ArrowUp", "a", " ", "Enter"].some(beginsTyping)).toBe(false);
});
