import { afterEach, expect, test, vi } from "vitest";
import { Desk } from "./desk";
import type { Command } from "./wire";
import { RoomStore } from "../state/store";

afterEach(() => {
  vi.useRealTimers();
});

/** A desk, and what it has sent. */
function desk(): [Desk, number[]] {
  vi.useFakeTimers();
  const sent: number[] = [];
  const send = (command: Command): number => sent.push((command as { gain_db: number }).gain_db);
  return [new Desk(new RoomStore("room"), { send, ask: () => Promise.resolve(null), wish: () => {} }), sent];
}

test("a_hand_that_lets_go_sends_at_once_what_still_waits_and_nothing_after", () => {
  const [it, sent] = desk();
  for (const db of [-1, -2, -3]) it.move("a", "gain_db", db);
  expect(sent).toEqual([-1]);
  it.release("a", "gain_db");
  expect(sent).toEqual([-1, -3]);
  vi.runAllTimers();
  expect(sent).toEqual([-1, -3]);
});

test("keys_go_out_30_times_a_second_however_fast_they_come", () => {
  const [it, sent] = desk();
  for (let db = -1; db >= -50; db -= 1) {
    it.set("a", "gain_db", db);
    vi.advanceTimersByTime(10);
  }
  vi.runAllTimers();
  expect(sent.length).toBeLessThan(18);
  expect(sent.at(-1)).toBe(-50);
});
