import { expect, test } from "vitest";
import type { RoomState, TrackState } from "../network/wire";
import { example } from "./examples";
import { arrange, freshName, gainsOf, groupGain, groupsOf, join, moveTo, nameProblem, NOTHING_WANTED, take } from "./groups";

const [sample] = example<RoomState>("room-state").tracks as [TrackState];

function track(id: string, group?: string): TrackState {
  const { group: _, ...rest } = sample;
  return { ...rest, id, name: id, ...(group !== undefined && { group }) };
}

const gains = (values: Record<string, number>) => new Map(Object.entries(values));

test("members_stand_together_behind_the_strip_of_their_group", () => {
  const places = arrange([track("a", "band"), track("b"), track("c", "band"), track("d", "talk")]);
  expect(places.map((p) => (p.is === "group" ? `[${p.group.name}]` : p.track.id))).toEqual(["[band]", "a", "c", "b", "[talk]", "d"]);
  expect(groupsOf([track("a", "band"), track("d", "talk"), track("e", "")]).map((g) => [g.name, g.colour])).toEqual([["band", 0], ["talk", 1]]);
});

test("the_fader_of_a_group_moves_all_by_the_same_and_keeps_their_offsets", () => {
  const from = take(gains({ a: -3, b: -9.5 }), NOTHING_WANTED);
  expect(groupGain(from)).toBe(-3);
  expect(gainsOf(moveTo(from, -7))).toEqual(gains({ a: -7, b: -13.5 }));
  expect(gainsOf(moveTo(from, 2))).toEqual(gains({ a: 2, b: -4.5 }));
});

test("offsets_that_were_pressed_against_an_end_come_back", () => {
  const low = moveTo(take(gains({ a: -10, b: -50 }), NOTHING_WANTED), -30);
  expect(gainsOf(low)).toEqual(gains({ a: -30, b: -60 }));
  const again = take(gainsOf(low), low);
  expect(gainsOf(moveTo(again, -10))).toEqual(gains({ a: -10, b: -50 }));
});

test("a_whole_group_that_was_pulled_to_off_comes_back_as_it_was", () => {
  const off = moveTo(take(gains({ a: 0, b: -12 }), NOTHING_WANTED), -60);
  expect(gainsOf(off)).toEqual(gains({ a: -60, b: -60 }));
  expect(gainsOf(moveTo(take(gainsOf(off), off), 0))).toEqual(gains({ a: 0, b: -12 }));
});

test("a_member_that_somebody_moved_since_counts_as_it_is_now", () => {
  const low = moveTo(take(gains({ a: -10, b: -50 }), NOTHING_WANTED), -30);
  const again = take(gains({ a: -30, b: -40 }), low);
  expect(gainsOf(moveTo(again, -20))).toEqual(gains({ a: -20, b: -30 }));
});

test("a_member_that_is_off_stays_off_unless_all_are", () => {
  expect(gainsOf(moveTo(take(gains({ a: -10, b: -60 }), NOTHING_WANTED), 5))).toEqual(gains({ a: 5, b: -60 }));
  expect(gainsOf(moveTo(take(gains({ a: -60, b: -60 }), NOTHING_WANTED), -6))).toEqual(gains({ a: -6, b: -6 }));
});

test("no_member_is_moved_out_of_the_range", () => {
  const up = gainsOf(moveTo(take(gains({ a: 15, b: 0 }), NOTHING_WANTED), 99));
  expect(up).toEqual(gains({ a: 20, b: 5 }));
});

test("dropping_a_strip_on_another_makes_a_group_or_joins_one", () => {
  const tracks = [track("a"), track("b"), track("c", "band"), track("d", "Group 1")];
  expect(join(tracks, "a", "b")).toEqual([{ id: "a", group: "Group 2" }, { id: "b", group: "Group 2" }]);
  expect(join(tracks, "a", "c")).toEqual([{ id: "a", group: "band" }]);
  expect(join(tracks, "d", "c")).toEqual([{ id: "d", group: "band" }]);
  expect(join(tracks, "a", "a")).toEqual([]);
  expect(join(tracks, "c", "c")).toEqual([]);
  expect(join(tracks, "a", "gone")).toEqual([]);
  expect(freshName([])).toBe("Group 1");
});

test("names_are_what_the_wire_allows", () => {
  expect(nameProblem("Camera 1")).toBeNull();
  expect(nameProblem("  ")).not.toBeNull();
  expect(nameProblem("x".repeat(65))).not.toBeNull();
  expect(nameProblem("a\u0007b")).not.toBeNull();
  expect(nameProblem("👩‍🚒".repeat(10))).toBeNull();
});
