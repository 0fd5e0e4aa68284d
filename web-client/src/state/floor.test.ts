import { expect, test } from "vitest";
import type { FloorEvent, FloorState } from "../network/wire";
import { AT_REST, FADE_MS, isOpen, step, TAIL_MS, wakeAt, type Effect, type Floor, type FloorInput } from "./floor";

const OWN = "mira";
const NOBODY: FloorState = { holders: [], queue: [], access: { bounds_ms: [], counts: [] } };

/** A talker under test: inputs in, all effects so far, the gate as the effects have left it. */
class Talker {
  floor: Floor;
  effects: Effect[] = [];
  open = false;

  constructor(needed = true) {
    this.floor = { ...AT_REST, needed, line: true };
  }

  get phase() {
    return this.floor.phase;
  }

  /** The effects of this input, in short. */
  put(input: FloorInput): string[] {
    const stepped = step(this.floor, input);
    this.floor = stepped.floor;
    for (const effect of stepped.effects) {
      if (effect.do === "open") this.open = true;
      if (effect.do === "close") this.open = false;
    }
    expect(this.open).toBe(isOpen(this.floor.phase));
    this.effects.push(...stepped.effects);
    return stepped.effects.map((e) => (e.do === "sound" ? e.tone : e.do));
  }

  key(down: boolean, now: number) {
    return this.put({ is: "key", down, now });
  }

  granted(now: number, left_ms = 30_000) {
    return this.put({ is: "answer", asked: this.floor.asked, answer: { answer: "granted", left_ms }, now });
  }

  queued(position: number, now: number) {
    return this.put({ is: "answer", asked: this.floor.asked, answer: { answer: "queued", position }, now });
  }

  denied(reason: string, now: number) {
    return this.put({ is: "answer", asked: this.floor.asked, answer: { answer: "denied", reason }, now });
  }

  said(events: FloorEvent[], now: number, floor = NOBODY) {
    return this.put({ is: "said", events, floor, own: OWN, graceMs: 2000, now });
  }

  time(now: number) {
    return this.put({ is: "time", now });
  }
}

test("in_an_open_room_the_key_talks_without_asking_and_the_tail_is_kept", () => {
  const mira = new Talker(false);
  expect(mira.key(true, 0)).toEqual(["open"]);
  expect(mira.phase.is).toBe("talking");
  expect(mira.key(false, 1000)).toEqual([]);
  expect(wakeAt(mira.floor)).toBe(1000 + TAIL_MS);
  expect(mira.time(1000 + TAIL_MS - 1)).toEqual([]);
  expect(mira.open).toBe(true);
  expect(mira.time(1000 + TAIL_MS)).toEqual(["close"]);
  expect(mira.phase.is).toBe("idle");
});

test("the_microphone_is_open_from_key_down_and_the_access_time_is_reported", () => {
  const mira = new Talker();
  expect(mira.key(true, 100)).toEqual(["open", "request"]);
  expect(mira.phase.is).toBe("asking");
  expect(mira.granted(141)).toEqual(["report", "granted"]);
  expect(mira.phase).toEqual({ is: "talking", until: 30_141, totalMs: 30_000, warned: false });
  expect(mira.floor.accessMs).toBe(41);
  expect(mira.effects).toContainEqual({ do: "report", accessMs: 41 });
  mira.key(false, 5000);
  expect(mira.time(5000 + TAIL_MS)).toEqual(["close", "release"]);
});

test("the_patch_may_come_before_the_answer_and_counts_once", () => {
  const mira = new Talker();
  mira.key(true, 0);
  expect(mira.said([{ event: "granted", id: OWN }], 30)).toEqual(["report", "granted"]);
  expect(mira.granted(31, 20_000)).toEqual([]);
  expect(mira.phase).toMatchObject({ is: "talking", until: 20_031, totalMs: 20_000 });
});

test("a_key_let_go_of_before_the_answer_still_sends_its_word_and_releases", () => {
  const mira = new Talker();
  mira.key(true, 0);
  mira.key(false, 60);
  expect(mira.open).toBe(true);
  expect(mira.granted(100)).toEqual(["report"]);
  expect(mira.time(60 + TAIL_MS)).toEqual(["close", "release"]);
});

test("a_press_within_the_tail_goes_on_without_asking_again", () => {
  const mira = new Talker();
  mira.key(true, 0);
  mira.granted(20);
  mira.key(false, 1000);
  expect(mira.key(true, 1100)).toEqual([]);
  expect(mira.phase.is).toBe("talking");
  expect(wakeAt(mira.floor)).toBe(null);
  expect(mira.time(5000)).toEqual([]);
});

test("a_denial_closes_the_gate_is_read_and_fades_after_the_key", () => {
  const mira = new Talker();
  mira.key(true, 0);
  expect(mira.denied("the queue is full", 20)).toEqual(["close", "spend", "denied"]);
  expect(mira.phase).toMatchObject({ is: "denied", reason: "the queue is full" });
  expect(mira.time(60_000)).toEqual([]);
  expect(mira.phase.is).toBe("denied");
  mira.key(false, 100);
  mira.time(20 + FADE_MS);
  expect(mira.phase.is).toBe("idle");
});

test("who_waits_sends_on_and_reports_no_access_time", () => {
  const mira = new Talker();
  mira.key(true, 0);
  expect(mira.queued(2, 20)).toEqual(["queued"]);
  expect(mira.open).toBe(true);
  const queue = [{ id: OWN, priority: 0, waited_ms: 0 }];
  mira.said([{ event: "unqueued", id: "sam" }], 500, { ...NOBODY, queue });
  expect(mira.phase).toEqual({ is: "queued", position: 1 });
  const holders = [{ id: OWN, priority: 0, held_ms: 0, left_ms: 9000, revoked: false }];
  expect(mira.said([{ event: "granted", id: OWN }], 3000, { ...NOBODY, holders })).toEqual(["granted"]);
  expect(mira.phase).toMatchObject({ is: "talking", until: 12_000 });
});

test("letting_go_leaves_the_queue", () => {
  const mira = new Talker();
  mira.key(true, 0);
  mira.queued(1, 20);
  expect(mira.key(false, 900)).toEqual(["close", "release"]);
  expect(mira.phase.is).toBe("idle");
});

test("queued_after_the_key_was_let_go_of_leaves_the_queue", () => {
  const mira = new Talker();
  mira.key(true, 0);
  mira.key(false, 10);
  expect(mira.queued(1, 20)).toEqual(["close", "release"]);
});

test("time_over_is_warned_then_still_heard_and_then_cut_and_asks_only_after_a_new_press", () => {
  const mira = new Talker();
  mira.key(true, 0);
  mira.granted(10, 10_000);
  expect(mira.said([{ event: "warned", id: OWN, left_ms: 5000 }], 5010)).toEqual(["warning"]);
  expect(mira.phase).toMatchObject({ is: "talking", warned: true, until: 10_010 });
  expect(mira.said([{ event: "revoking", id: OWN, reason: "talked for 10 s" }], 10_010)).toEqual(["revoked"]);
  expect(mira.phase).toMatchObject({ is: "revoking", until: 12_010 });
  expect(mira.open).toBe(true);
  expect(mira.said([{ event: "revoked", id: OWN, reason: "talked for 10 s" }], 12_010)).toEqual(["close", "spend"]);
  expect(mira.time(90_000)).toEqual([]);
  expect(mira.phase.is).toBe("revoked");
  mira.key(false, 90_000);
  expect(mira.key(true, 90_100)).toEqual(["open", "request"]);
});

test("an_answer_to_an_older_request_is_thrown_away", () => {
  const mira = new Talker();
  mira.key(true, 0);
  mira.key(false, 10);
  mira.time(10 + TAIL_MS);
  mira.key(true, 500);
  expect(mira.put({ is: "answer", asked: 1, answer: { answer: "denied", reason: "late" }, now: 510 })).toEqual([]);
  expect(mira.phase.is).toBe("asking");
});

test("a_line_that_comes_back_finds_the_key_still_down_and_asks_again", () => {
  const mira = new Talker();
  mira.key(true, 0);
  mira.granted(10);
  mira.put({ is: "line", up: false, holds: false, now: 1000 });
  expect(mira.open).toBe(true);
  expect(mira.put({ is: "line", up: true, holds: true, now: 3000 })).toEqual(["open", "request"]);
});

test("a_release_that_was_lost_with_the_line_is_said_again", () => {
  const mira = new Talker();
  mira.key(true, 0);
  mira.granted(10);
  mira.put({ is: "line", up: false, holds: false, now: 1000 });
  mira.key(false, 1100);
  mira.time(1100 + TAIL_MS);
  expect(mira.put({ is: "line", up: true, holds: true, now: 3000 })).toEqual(["release"]);
});

test("a_key_pressed_while_offline_opens_nothing_and_asks_when_the_line_is_there", () => {
  const mira = new Talker();
  mira.put({ is: "line", up: false, holds: false, now: 0 });
  expect(mira.key(true, 100)).toEqual([]);
  expect(mira.put({ is: "line", up: true, holds: false, now: 200 })).toEqual(["open", "request"]);
});

test("a_question_that_the_line_took_with_it_closes_the_gate", () => {
  const mira = new Talker();
  mira.key(true, 0);
  expect(mira.put({ is: "line", up: false, holds: false, now: 50 })).toEqual(["close"]);
  expect(mira.put({ is: "failed", asked: 1, why: "The line is down.", now: 51 })).toEqual([]);
});

test("a_refused_request_is_a_denial_with_its_words", () => {
  const mira = new Talker();
  mira.key(true, 0);
  mira.put({ is: "failed", asked: 1, why: "Your token does not allow this here.", now: 20 });
  expect(mira.phase).toMatchObject({ is: "denied", reason: "Your token does not allow this here." });
});

test("a_room_that_gets_a_floor_asks_for_who_talks_and_one_that_loses_it_lets_all_talk", () => {
  const mira = new Talker(false);
  mira.key(true, 0);
  expect(mira.put({ is: "needed", needed: true, now: 100 })).toEqual(["open", "request"]);
  mira.queued(1, 120);
  expect(mira.put({ is: "needed", needed: false, now: 200 })).toEqual(["open"]);
  expect(mira.phase.is).toBe("talking");
});

test("the_end_of_anothers_talk_is_heard_by_who_is_silent", () => {
  const mira = new Talker();
  expect(mira.said([{ event: "released", id: "sam" }, { event: "idle" }], 0)).toEqual(["roger"]);
  mira.key(true, 10);
  expect(mira.said([{ event: "released", id: "sam" }], 20)).toEqual([]);
});

test("whatever_comes_in_whatever_order_the_gate_is_open_only_while_one_talks_asks_or_has_just_let_go", () => {
  let seed = 7;
  const random = (n: number) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const mira = new Talker();
  for (let now = 0; now < 400_000; now += 1 + random(80)) {
    const asked = mira.floor.asked - random(2);
    const events: FloorEvent[] = [
      { event: "granted", id: OWN },
      { event: "queued", id: OWN, position: 1 },
      { event: "warned", id: OWN, left_ms: 10 },
      { event: "revoking", id: OWN, reason: "r" },
      { event: "revoked", id: OWN, reason: "r" },
      { event: "unqueued", id: OWN },
      { event: "released", id: "sam" },
    ];
    const inputs: FloorInput[] = [
      { is: "key", down: random(2) === 0, now },
      { is: "key", down: random(2) === 0, now },
      { is: "answer", asked, answer: { answer: "granted", left_ms: 500 }, now },
      { is: "answer", asked, answer: { answer: "queued", position: 1 }, now },
      { is: "answer", asked, answer: { answer: "denied", reason: "r" }, now },
      { is: "failed", asked, why: "w", now },
      { is: "said", events: [events[random(events.length)] as FloorEvent], floor: NOBODY, own: OWN, graceMs: 100, now },
      { is: "needed", needed: random(5) > 0, now },
      { is: "line", up: random(4) > 0, holds: random(2) === 0, now },
    ];
    mira.put(inputs[random(inputs.length)] as FloorInput);
    mira.time(now);
  }
  mira.key(false, 1e6);
  mira.time(2e6);
  expect(mira.phase.is).toBe("idle");
  expect(mira.open).toBe(false);
});
