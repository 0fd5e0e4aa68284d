import { expect, test } from "vitest";
import { NO_HISTORY, record, redo, undo, type History } from "./history";
import type { Control, Value } from "./holds";

const gain = (before: Value, after: Value, id = "a") => ({ id, control: "gain_db" as Control, before, after });
const shows = (values: Record<string, Value>) => (id: string, control: Control) => values[`${control} ${id}`];

function drags(...ways: [number, number][]): History {
  return ways.reduce((history, [from, to], i) => record(history, [gain(from, to)], i * 10_000, false), NO_HISTORY);
}

test("an_undo_sets_back_what_was_before_and_a_redo_what_was_after", () => {
  const history = drags([0, -5], [-5, -9]);
  const back = undo(history, shows({ "gain_db a": -9 }));
  expect(back?.moves).toEqual([{ id: "a", control: "gain_db", value: -5 }]);
  expect(back?.overridden).toEqual([]);
  const more = undo(back?.history ?? NO_HISTORY, shows({ "gain_db a": -5 }));
  expect(more?.moves[0]?.value).toBe(0);
  expect(undo(more?.history ?? NO_HISTORY, shows({}))).toBeNull();
  const again = redo(more?.history ?? NO_HISTORY, shows({ "gain_db a": 0 }));
  expect(again?.moves[0]?.value).toBe(-5);
});

test("what_somebody_else_set_since_is_overridden_and_told", () => {
  const back = undo(drags([0, -5]), shows({ "gain_db a": 3 }));
  expect(back?.moves[0]?.value).toBe(0);
  expect(back?.overridden).toEqual([{ id: "a", control: "gain_db", value: 3 }]);
});

test("who_had_set_it_back_already_is_not_overridden", () => {
  expect(undo(drags([0, -5]), shows({ "gain_db a": 0 }))?.overridden).toEqual([]);
});

test("a_new_move_ends_what_could_be_done_again", () => {
  const back = undo(drags([0, -5]), shows({ "gain_db a": -5 }))?.history ?? NO_HISTORY;
  expect(redo(record(back, [gain(0, 1)], 50_000, false), shows({ "gain_db a": 1 }))).toBeNull();
});

test("arrows_pressed_one_after_the_other_are_one_step_and_drags_are_not", () => {
  let history = NO_HISTORY;
  for (let i = 0; i < 10; i += 1) history = record(history, [gain(0 - i / 2, -(i + 1) / 2)], i * 100, true);
  expect(history.past).toHaveLength(1);
  expect(undo(history, shows({ "gain_db a": -5 }))?.moves[0]?.value).toBe(0);
  expect(record(history, [gain(-5, -6)], 5000, true).past).toHaveLength(2);
  expect(record(history, [gain(-5, -6)], 950, false).past).toHaveLength(2);
  expect(record(history, [gain(-5, -6, "b")], 950, true).past).toHaveLength(2);
  // Somebody else moved it in between.
  expect(record(history, [gain(-8, -8.5)], 950, true).past).toHaveLength(2);
});

test("on_and_off_are_two_steps", () => {
  const mute = (before: boolean) => [{ id: "a", control: "muted" as Control, before, after: !before }];
  const history = record(record(NO_HISTORY, mute(false), 0, true), mute(true), 100, true);
  expect(history.past).toHaveLength(2);
});

test("a_group_is_one_step", () => {
  const history = record(NO_HISTORY, [gain(0, -5), gain(-3, -8, "b")], 0, false);
  expect(undo(history, shows({ "gain_db a": -5, "gain_db b": -8 }))?.moves).toEqual([
    { id: "a", control: "gain_db", value: 0 },
    { id: "b", control: "gain_db", value: -3 },
  ]);
});

test("a_strip_that_left_is_left_out_and_what_did_not_move_is_no_step", () => {
  const history = record(NO_HISTORY, [gain(0, -5), gain(-3, -8, "b")], 0, false);
  expect(undo(history, shows({ "gain_db b": -8 }))?.moves).toEqual([{ id: "b", control: "gain_db", value: -3 }]);
  expect(record(NO_HISTORY, [gain(0, 0)], 0, false)).toBe(NO_HISTORY);
});

test("only_so_many_steps_are_kept", () => {
  let history = NO_HISTORY;
  for (let i = 0; i < 300; i += 1) history = record(history, [gain(i, i + 1)], i * 10_000, false);
  expect(history.past).toHaveLength(100);
});
