import { expect, test } from "vitest";
import { delayMs, secondsLeft } from "./backoff";
import { inside, OUTSIDE, sentence, step, type Session, type SessionEvent } from "./session";

function run(events: SessionEvent[], from: Session = OUTSIDE): Session {
  return events.reduce(step, from);
}

const joined: SessionEvent[] = [{ is: "ask" }, { is: "join", part: "talker" }, { is: "opened", now: 0 }];

test("waits_are_half_a_second_one_two_and_four", () => {
  expect([0, 1, 2, 3, 4, 99].map(delayMs)).toEqual([500, 1000, 2000, 4000, 4000, 4000]);
});

test("the_wait_grows_with_each_failed_try", () => {
  let session = run(joined);
  let now = 60_000;
  const waits: number[] = [];
  for (let i = 0; i < 5; i += 1) {
    session = step(session, { is: "lost", why: "The server does not answer.", now });
    if (session.at !== "waiting") throw new Error(session.at);
    waits.push(session.until - now);
    now = session.until;
    session = step(session, { is: "due" });
  }
  expect(waits).toEqual([500, 1000, 2000, 4000, 4000]);
});

test("a_connection_that_held_starts_again_with_the_shortest_wait", () => {
  const again = run([
    ...joined,
    { is: "lost", why: "x", now: 10_000 },
    { is: "due" },
    { is: "lost", why: "x", now: 11_000 },
    { is: "due" },
    { is: "opened", now: 12_000 },
  ]);
  expect(step(again, { is: "lost", why: "x", now: 60_000 })).toMatchObject({ until: 60_500 });
});

test("a_connection_that_falls_at_once_waits_longer_each_time", () => {
  const flapping = run([
    ...joined,
    { is: "lost", why: "x", now: 10_000 },
    { is: "due" },
    { is: "opened", now: 10_500 },
    { is: "lost", why: "x", now: 10_600 },
  ]);
  expect(flapping).toMatchObject({ at: "waiting", until: 11_600 });
});

test("a_wait_says_the_seconds_and_the_reason", () => {
  const waiting = run([...joined, { is: "lost", why: "The server does not answer.", now: 10_000 }]);
  expect(sentence(waiting, 10_000)).toBe("Offline: next try in 1 s. The server does not answer.");
  expect(secondsLeft(4000, 1)).toBe(4);
  expect(secondsLeft(4000, 5000)).toBe(1);
});

test("who_waits_is_still_in_the_room", () => {
  const waiting = run([...joined, { is: "lost", why: "x", now: 1 }]);
  expect(inside(waiting)).toBe(true);
  expect(inside(step(waiting, { is: "due" }))).toBe(true);
  expect(inside(run(joined.slice(0, 2)))).toBe(false);
});

test("a_refusal_goes_back_to_the_door_and_is_not_tried_again", () => {
  const refused = run([...joined.slice(0, 2), { is: "refused", sentence: "This room is full." }]);
  expect(refused).toEqual({ at: "lobby", problem: "This room is full." });
  expect(step(refused, { is: "due" })).toBe(refused);
});

test("a_refused_microphone_is_said_at_the_door", () => {
  const refused = run([{ is: "ask" }, { is: "no microphone", sentence: "No." }]);
  expect(sentence(refused, 0)).toBe("No.");
});

test("a_room_that_was_closed_is_not_joined_again_by_itself", () => {
  const ended = run([...joined, { is: "ended", why: "The room was closed." }]);
  expect(step(ended, { is: "lost", why: "x", now: 1 })).toBe(ended);
  expect(step(ended, { is: "due" })).toBe(ended);
  expect(step(ended, { is: "ask" })).toEqual({ at: "asking" });
});

test("leaving_stops_everything", () => {
  const waiting = run([...joined, { is: "lost", why: "x", now: 1 }]);
  expect(step(waiting, { is: "left" })).toEqual(OUTSIDE);
});
