import { expect, test } from "vitest";
import { example } from "./examples";
import { drop, held, hold, letGoOf, NO_HOLDS, settle, type Control, type Holds, type Value } from "./holds";
import type { RoomState } from "../network/wire";

const room = example<RoomState>("room-state");
const { tracks } = room;
const ANNA = tracks[0]?.id ?? "";
const moved = { ...room, tracks: tracks.map((t) => (t.id === ANNA ? { ...t, gain_db: -12 } : t)) };

/** What the control shows when the server says `server`. */
function shown(holds: Holds, id: string, control: Control, server: Value): Value {
  return held(holds, id, control) ?? server;
}

test("the_own_drag_wins_over_what_the_server_says", () => {
  const holds = hold(NO_HOLDS, ANNA, "gain_db", -5);
  expect(shown(holds, ANNA, "gain_db", -12)).toBe(-5);
  expect(shown(settle(holds, moved, 99_999), ANNA, "gain_db", -12)).toBe(-5);
});

test("other_controls_of_the_strip_follow_the_server", () => {
  const holds = hold(NO_HOLDS, ANNA, "gain_db", -5);
  expect(shown(holds, ANNA, "pan", 0.5)).toBe(0.5);
  expect(shown(holds, "", "master_gain_db", -1)).toBe(-1);
});

test("after_the_release_it_holds_until_the_server_agrees", () => {
  const released = letGoOf(hold(NO_HOLDS, ANNA, "gain_db", -12), ANNA, "gain_db", 1000);
  expect(shown(settle(released, room, 1100), ANNA, "gain_db", 0)).toBe(-12);
  expect(settle(released, moved, 1100).size).toBe(0);
});

test("a_release_that_is_never_confirmed_gives_way_after_a_second", () => {
  const released = letGoOf(hold(NO_HOLDS, ANNA, "gain_db", -12), ANNA, "gain_db", 1000);
  expect(settle(released, room, 1999)).toBe(released);
  expect(settle(released, room, 2000).size).toBe(0);
});

test("a_refused_value_and_a_track_that_left_are_let_go", () => {
  const holds = hold(NO_HOLDS, ANNA, "muted", true);
  expect(drop(holds, ANNA, "muted").size).toBe(0);
  expect(settle(letGoOf(holds, ANNA, "muted", 0), { ...room, tracks: [] }, 1).size).toBe(0);
});

test("zero_and_false_are_values_too", () => {
  expect(shown(hold(NO_HOLDS, ANNA, "gain_db", 0), ANNA, "gain_db", -6)).toBe(0);
  expect(shown(hold(NO_HOLDS, ANNA, "muted", false), ANNA, "muted", true)).toBe(false);
});

test("a group that was left counts as confirmed when the strip has none", () => {
  const released = letGoOf(hold(NO_HOLDS, ANNA, "group", ""), ANNA, "group", 0);
  expect(settle(released, room, 1).size).toBe(0);
  const mode = letGoOf(hold(NO_HOLDS, "", "mode", "open"), "", "mode", 0);
  expect(settle(mode, room, 1).size).toBe(1);
  expect(settle(mode, { ...room, mode: "open" }, 1).size).toBe(0);
});
