import { expect, test } from "vitest";
import { clock, face, floorNames, fullness, spoken, type Seen } from "./face";
import { AT_REST, type Phase } from "./floor";
import { example } from "./examples";
import type { RoomState } from "../network/wire";

const seen = (phase: Phase, more: Partial<Seen> = {}): Seen => ({
  floor: { ...AT_REST, needed: true, line: true, key: true, phase },
  live: true,
  muted: false,
  latched: false,
  others: [],
  warningMs: 5000,
  graceMs: 2000,
  now: 1000,
  ...more,
});

test("every_state_has_its_own_word", () => {
  const talking: Phase = { is: "talking", until: 20_000, totalMs: 30_000, warned: false };
  const words = [
    face(seen({ is: "idle" })),
    face(seen({ is: "idle" }, { others: ["Ines"] })),
    face(seen({ is: "asking", since: 0 })),
    face(seen(talking)),
    face(seen({ ...talking, warned: true })),
    face(seen({ is: "queued", position: 2 })),
    face(seen({ is: "denied", reason: "the queue is full", until: 9000 })),
    face(seen({ is: "revoking", reason: "talked for 30 s", until: 3000 })),
    face(seen({ is: "revoked", reason: "talked for 30 s", until: 9000 })),
    face(seen(talking, { muted: true })),
    face(seen(talking, { live: false })),
  ];
  expect(words.map((it) => it.word)).toEqual([
    "Hold to talk",
    "Listening",
    "Asking",
    "On the air",
    "19 s left",
    "Queued 2",
    "Denied",
    "Time is over",
    "Cut off",
    "Muted",
    "Offline",
  ]);
  expect(new Set(words.map((it) => it.kind)).size).toBe(words.length);
});

test("the_last_seconds_warn_even_if_the_servers_warning_is_late", () => {
  const near: Phase = { is: "talking", until: 5900, totalMs: 30_000, warned: false };
  expect(face(seen(near)).kind).toBe("warning");
});

test("the_ring_is_the_time_left", () => {
  const { ring } = face(seen({ is: "talking", until: 16_000, totalMs: 30_000, warned: false }));
  expect(ring && fullness(ring, 1000)).toBe(0.5);
  expect(ring && fullness(ring, 90_000)).toBe(0);
  expect(face(seen({ is: "talking", until: null, totalMs: null, warned: false })).ring).toBe(null);
});

test("listening_says_to_whom", () => {
  expect(face(seen({ is: "idle" }, { others: ["Ines"] })).hint).toBe("to Ines");
  expect(face(seen({ is: "idle" }, { others: ["Ines", "Sam", "Bo"] })).hint).toBe("to Ines and 2 more");
});

test("time_is_read_as_a_clock", () => {
  expect(clock(18_200)).toBe("0:19");
  expect(clock(600_000)).toBe("10:00");
  expect(clock(-5)).toBe("0:00");
});

test("a_refusal_is_spoken_with_its_reason", () => {
  expect(spoken(face(seen({ is: "denied", reason: "the queue is full", until: 0 })))).toBe("Denied: the queue is full.");
});

test("the_floor_is_read_by_name", () => {
  const room = example<RoomState>("room-state");
  const [first] = room.tracks;
  if (first === undefined) throw new Error("the example has a track");
  const waiter = { id: first.id, priority: 0, waited_ms: 0 };
  const floor = { ...room.floor, holders: [], queue: [waiter] };
  expect(floorNames({ ...room, floor }, null)).toEqual({ holders: [], next: first.name });
  expect(floorNames({ ...room, floor }, first.id)).toEqual({ holders: [], next: null });
});
