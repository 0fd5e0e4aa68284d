import { expect, test } from "vitest";
import { isTalking, latch, letGo, press, release, RELEASED, spaceTalks, type Focus } from "./talk";

const focus = (tag: string, more: Partial<Focus> = {}): Focus => ({
  tag,
  type: "",
  role: "",
  editable: false,
  byKeyboard: false,
  ...more,
});

test("talks_while_anything_is_held", () => {
  const both = press(press(RELEASED, "pointer"), "key");
  expect(isTalking(both)).toBe(true);
  expect(isTalking(release(both, "pointer"))).toBe(true);
  expect(isTalking(release(release(both, "pointer"), "key"))).toBe(false);
});

test("a_repeated_keydown_is_no_second_press", () => {
  const once = press(RELEASED, "key");
  expect(press(once, "key")).toBe(once);
  expect(isTalking(release(once, "key"))).toBe(false);
});

test("a_hidden_window_lets_go_of_what_is_held_but_not_of_the_latch", () => {
  expect(isTalking(letGo(press(RELEASED, "key")))).toBe(false);
  expect(isTalking(letGo(latch(press(RELEASED, "key"), true)))).toBe(true);
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
