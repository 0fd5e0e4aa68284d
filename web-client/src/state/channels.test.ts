import { expect, test } from "vitest";
import { addProblem, attend, CHANNELS_MAX, channelsOf, earText, hearBurst, NOTHING_KEPT, NOTHING_MISSED, readKept } from "./channels";

test("the_rooms_address_comes_first_and_no_room_twice", () => {
  const kept = { rooms: ["kitchen", "ward-3", "night"], ears: {} };
  expect(channelsOf("ward-3", kept)).toEqual(["ward-3", "kitchen", "night"]);
});

test("what_is_kept_wrong_is_left_out", () => {
  expect(readKept(null)).toEqual(NOTHING_KEPT);
  expect(readKept("x")).toEqual(NOTHING_KEPT);
  expect(readKept({ rooms: ["a", 3, "b c", "a"], ears: { a: { volume: 0.5 }, b: { volume: 7 }, c: null } })).toEqual({
    rooms: ["a"],
    ears: { a: { volume: 0.5, muted: false } },
  });
});

test("a_channel_is_added_once_and_not_without_end", () => {
  expect(addProblem("kitchen", ["ward-3"])).toBe(null);
  expect(addProblem("ward-3", ["ward-3"])).toMatch("already");
  expect(addProblem("a b", [])).toMatch("a space");
  expect(addProblem("z", Array.from({ length: CHANNELS_MAX }, (_, i) => `r${i}`))).toMatch("At most");
});

test("a_burst_is_missed_when_nobody_listens_and_counted_once", () => {
  let missed = hearBurst(NOTHING_MISSED, ["Ines"], false, 0);
  expect(missed).toMatchObject({ count: 1, last: "Ines" });
  missed = hearBurst(missed, ["Ines", "Sam"], false, 100);
  expect(missed.count).toBe(1);
  missed = hearBurst(hearBurst(missed, [], false, 1000), ["Ines"], false, 2000);
  expect(missed.count).toBe(1);
  missed = hearBurst(hearBurst(missed, [], false, 3000), ["Sam"], false, 9000);
  expect(missed).toMatchObject({ count: 2, last: "Sam" });
  expect(attend(missed)).toMatchObject({ count: 0, last: null });
});

test("what_is_heard_is_not_missed", () => {
  const heard = hearBurst(hearBurst(NOTHING_MISSED, ["Ines"], true, 0), [], true, 5000);
  expect(heard.count).toBe(0);
  expect(attend(heard)).toBe(heard);
});

test("an_ear_says_how_loud_it_is", () => {
  expect(earText({ volume: 0.8, muted: false })).toBe("80 %");
  expect(earText({ volume: 0.8, muted: true })).toBe("muted");
  expect(earText({ volume: 0, muted: false })).toBe("muted");
});
