import { expect, test } from "vitest";
import type { RoomState, TrackState } from "../network/wire";
import { partner, readWord } from "./direct";
import { example } from "./examples";

const base = example<RoomState>("room-state");
const voice = (id: string, kind: TrackState["kind"] = "peer") => ({ ...(base.tracks[0] as TrackState), id, kind });
const room = (tracks: TrackState[], more: Partial<RoomState> = {}): RoomState => ({
  ...base,
  mode: "open",
  listeners: tracks.length,
  tracks,
  ...more,
});

test("two_people_alone_in_an_open_room_may_go_direct", () => {
  expect(partner(room([voice("me"), voice("you")]), "me")).toBe("you");
  expect(partner(room([voice("me"), voice("you")], { mode: "floor" }), "me")).toBe(null);
  expect(partner(room([voice("me"), voice("you")], { listeners: 3 }), "me")).toBe(null);
  expect(partner(room([voice("me"), voice("tape", "file")]), "me")).toBe(null);
  expect(partner(room([voice("me"), voice("you"), voice("she")]), "me")).toBe(null);
  expect(partner(room([voice("me")]), "me")).toBe(null);
  expect(partner(room([voice("me"), voice("you")]), null)).toBe(null);
});

test("words_that_are_none_are_not_heard", () => {
  for (const data of ["", "null", "3", '{"type":"offer"}', '{"type":"candidate"}', '{"type":"hack"}']) {
    expect(readWord(data)).toBe(null);
  }
  expect(readWord('{"type":"end","why":"third"}')).toEqual({ type: "end", why: "third" });
  expect(readWord('{"type":"end","why":"?"}')).toEqual({ type: "end", why: "back" });
});
