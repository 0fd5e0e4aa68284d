import { expect, test } from "vitest";
import { isTalking, latch, letGo, press, release, RELEASED, spaceTalks, spend, TAP_MS, type Focus } from "./talk";

const focus = (tag: string, more: Partial<Focus> = {}): Focus => ({
  tag,
  type: "",
  role: "",
  editable: false,
  byKeyboard: false,
  ...more,
});

test("talks_while_anything_is_held", () => {
  const both = press(press(RELEASED, "pointer", 0), "key", 0);
  expect(isTalking(both)).toBe(true);
  expect(isTalking(release(both, "pointer", 1000))).toBe(true);
  expect(isTalking(release(release(both, "pointer", 1000), "key", 1000))).toBe(false);
});

test("a_repeated_keydown_is_no_second_press", () => {
  const once = press(RELEASED, "key", 0);
  expect(press(once, "key", 10)).toBe(once);
  expect(isTalking(release(once, "key", 20))).toBe(false);
});

for (const holder of ["pointer", "enter"] as const) {
  test(`a_short_tap_of_the_button_latches_and_the_next_one_ends_it (${holder})`, () => {
    const tapped = release(press(RELEASED, holder, 1000), holder, 1000 + TAP_MS - 1);
    expect(isTalking(tapped)).toBe(true);
    const again = press(tapped, holder, 5000);
    expect(isTalking(again)).toBe(true);
    expect(release(again, holder, 9000)).toEqual(RELEASED);
  });
}

test("holding_the_button_is_hold_to_talk", () => {
  expect(release(press(RELEASED, "pointer", 1000), "pointer", 1000 + TAP_MS)).toEqual(RELEASED);
});

test("the_space_bar_never_latches", () => {
  expect(release(press(RELEASED, "key", 0), "key", 10)).toEqual(RELEASED);
});

test("a_tap_that_was_refused_does_not_latch", () => {
  const refused = spend(press(RELEASED, "pointer", 0));
  expect(isTalking(refused)).toBe(true);
  expect(release(refused, "pointer", 50)).toEqual(RELEASED);
  expect(spend(latch(RELEASED, true))).toEqual(RELEASED);
});

test("a_hidden_window_lets_go_of_what_is_held_but_not_of_the_latch", () => {
  expect(isTalking(letGo(press(RELEASED, "key", 0)))).toBe(false);
  expect(isTalking(letGo(latch(press(RELEASED, "key", 0), true)))).toBe(true);
  expect(isTalking(letGo(press(RELEASED, "pointer", 0)))).toBe(false);
});

test("space_does_not_talk_while_typing", () => {
  expect(spaceTalks(null)).toBe(true);
  expect(spaceTalks(focus("body"))).toBe(true);
  expect(spaceTalks(focus("input", { type: "text" }))).toBe(false);
  expect(spaceTalks(focus("input", { type: "search" }))).toBe(false);
  expect(spaceTalks(focus("textarea"))).toBe(false);
  expect(spaceTalks(focus("div", { editable: true }))).toBe(false);
});

test("space_presses_a_button_that_the_keyboard_reached_and_talks_after_a_click", () => {
  expect(spaceTalks(focus("button", { byKeyboard: true }))).toBe(false);
  expect(spaceTalks(focus("button"))).toBe(true);
});

test("space_talks_on_a_fader", () => {
  expect(spaceTalks(focus("input", { type: "range", byKeyboard: true }))).toBe(true);
});
