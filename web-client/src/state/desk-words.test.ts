import { expect, test } from "vitest";
import { clock, forwardedSentence, forwardedText, lossText, ordinal, turnedSentence } from "./desk-words";
import type { RoomState, ServerMessage } from "../network/wire";
import { example } from "./examples";
import { NO_HISTORY } from "./history";

const { tracks } = example<RoomState>("room-state");
const id = tracks[0]?.id ?? "";

test("an_undo_says_what_it_did_and_whom_it_overrode", () => {
  const moves = [{ id, control: "gain_db" as const, value: 0 }];
  expect(turnedSentence("Undone", { history: NO_HISTORY, moves, overridden: [] }, tracks)).toBe("Undone: gain of Anna is 0.0 dB.");
  const overridden = [{ id, control: "gain_db" as const, value: 3 }];
  expect(turnedSentence("Undone", { history: NO_HISTORY, moves, overridden }, tracks)).toBe(
    "Undone: gain of Anna is 0.0 dB. Another hand had set gain of Anna to +3.0 dB since.",
  );
  expect(turnedSentence("Undone", { history: NO_HISTORY, moves: [], overridden: [] }, tracks)).toBe("Undone: that strip has left.");
});

test("who_is_forwarded_is_said_of_him_and_of_nobody_else", () => {
  const stats = example<Extract<ServerMessage, { type: "stats" }>>("server-stats");
  const sentences = Object.values(stats.tracks).map((track) => forwardedSentence("Anna", track));
  expect(sentences).toEqual(["Anna talks alone: the others get the packets as they come, at once and unmixed", null]);
  expect(forwardedSentence("Anna", undefined)).toBe(null);
  expect([undefined, 0, stats.forwarded].map(forwardedText)).toEqual(["", "", "12 forwarded"]);
});

test("figures_are_short_and_keep_their_unit", () => {
  expect([0, 0.64, 12.3, 100].map(lossText)).toEqual(["0.0 %", "0.6 %", "12 %", "100 %"]);
  expect([1, 2, 3, 4, 11, 12, 21].map(ordinal)).toEqual(["1st", "2nd", "3rd", "4th", "11th", "12th", "21st"]);
  expect([-5, 0, 400, 11_000, 61_000].map(clock)).toEqual(["0:00", "0:00", "0:01", "0:11", "1:01"]);
});
