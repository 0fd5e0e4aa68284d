import { expect, test } from "vitest";
import { due, idle, offer } from "./throttle";

test("a_fast_hand_sends_30_times_a_second_and_its_last_value", () => {
  const sent: number[] = [];
  let throttle = idle<number>();
  let dueAt: number | null = null;
  for (let now = 0; now <= 1100; now += 1) {
    if (dueAt !== null && now >= dueAt) {
      const got = due(throttle, now);
      throttle = got.throttle;
      dueAt = null;
      if (got.send !== null) sent.push(got.send);
    }
    if (now < 1000) {
      const got = offer(throttle, now, now, 33);
      throttle = got.throttle;
      if (got.send !== null) sent.push(got.send);
      if (got.wait !== null) dueAt = now + got.wait;
    }
  }
  expect(sent.length).toBeGreaterThan(28);
  expect(sent.length).toBeLessThan(33);
  expect(sent[0]).toBe(0);
  expect(sent.at(-1)).toBe(999);
});

test("nothing_is_sent_twice", () => {
  const first = offer(idle<string>(), "a", 0, 33);
  expect(first.send).toBe("a");
  expect(due(first.throttle, 40).send).toBeNull();
});
