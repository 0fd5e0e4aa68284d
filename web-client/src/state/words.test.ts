import { expect, test } from "vitest";
import { example } from "./examples";
import { microphoneSentence, noWaySentence, requestSentence, roomFigures, talkingSentence, worthRetrying } from "./words";
import type { Problem, RoomState } from "../network/wire";

test("each_failure_of_the_microphone_has_its_own_sentence", () => {
  const names = ["insecure", "NotAllowedError", "NotFoundError", "NotReadableError", "ended", "TypeError"];
  expect(new Set(names.map(microphoneSentence)).size).toBe(names.length);
});

test("a_refusal_is_said_in_the_servers_words", () => {
  expect(requestSentence(404, example<Problem>("problem"))).toBe(
    'There is no room "ward-4": it is made by the first join or by PUT /api/rooms/ward-4.',
  );
  expect(requestSentence(0, null)).toBe("The server does not answer.");
});

test("firefox_is_told_what_to_do_where_the_server_is_on_the_same_computer", () => {
  const answer = (ip: string) => `v=0\r\na=candidate:1 1 udp 2130706431 ${ip} 40000 typ host\r\n`;
  const [firefox, chromium] = ["Mozilla/5.0 Gecko/20100101 Firefox/153.0", "Mozilla/5.0 Chrome/150.0 Safari/537.36"];
  expect(noWaySentence(answer("127.0.0.1"), firefox)).toContain("--media-ip");
  expect(noWaySentence(answer("::1"), firefox)).toContain("--media-ip");
  for (const [ip, browser] of [["192.0.2.7", firefox], ["127.0.0.1", chromium]] as const) {
    expect(noWaySentence(answer(ip), browser)).not.toContain("--media-ip");
  }
});

test("only_what_may_pass_is_tried_again", () => {
  expect([0, 429, 500, 503].every(worthRetrying)).toBe(true);
  expect([400, 401, 403, 404, 422].some(worthRetrying)).toBe(false);
});

test("who_talks_is_said_for_one_two_and_many", () => {
  expect(talkingSentence(["Ines"])).toBe("Ines is talking");
  expect(talkingSentence(["Ines", "Sam"])).toBe("Ines and Sam are talking");
  expect(talkingSentence(["a", "b", "c"])).toBe("3 are talking");
});

test("figures_of_a_room", () => {
  expect(roomFigures(example<RoomState>("room-state"))).toBe("2 tracks · 2 listening");
});
