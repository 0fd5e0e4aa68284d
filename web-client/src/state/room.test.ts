import { expect, test } from "vitest";
import { example } from "./examples";
import { receive, talkers, type RoomView } from "./room";
import type { Change, ServerMessage } from "../network/wire";

const snapshot = example<ServerMessage>("server-snapshot");
const patch = example<ServerMessage & { type: "patch" }>("server-patch");
const BASS = "Lw4eGs9uFiK1oXhN7aZtCQ";
const ANNA = "x8Hk2mQp0VbT5nRzYcJd3A";

function started(): RoomView {
  const { view } = receive(null, snapshot);
  if (view === null) throw new Error("a snapshot gives a view");
  return view;
}

function after(view: RoomView, ...changes: Change[]): RoomView {
  const got = receive(view, { type: "patch", version: view.version + 1, changes });
  if (got.view === null || got.resubscribe) throw new Error("the next version is taken");
  return got.view;
}

test("a_snapshot_is_the_state", () => {
  expect(started()).toEqual({ version: 41, room: example("room-state") });
});

test("the_shared_patch_after_the_shared_snapshot", () => {
  const { view, resubscribe } = receive(started(), patch);
  expect(resubscribe).toBe(false);
  expect(view?.version).toBe(42);
  expect(view?.room.listeners).toBe(3);
  expect(view?.room.master_gain_db).toBe(-3);
  expect(view?.room.tracks.map((t) => t.id)).toEqual([BASS]);
  expect(view?.room.tracks[0]).toMatchObject({ gain_db: -3, pan: -0.5, muted: true });
});

test("a_gap_asks_for_a_new_snapshot_and_changes_nothing", () => {
  const before = started();
  const got = receive(before, { ...patch, version: 43 });
  expect(got).toEqual({ view: before, resubscribe: true });
});

test("a_patch_before_any_snapshot_asks_for_one", () => {
  expect(receive(null, patch)).toEqual({ view: null, resubscribe: true });
});

test("a_patch_that_is_already_in_the_snapshot_is_dropped", () => {
  const before = started();
  expect(receive(before, { ...patch, version: 41 })).toEqual({ view: before, resubscribe: false });
});

test("a_snapshot_heals_a_gap", () => {
  const gap = receive(started(), { ...patch, version: 50 });
  const healed = receive(gap.view, { ...(snapshot as object), version: 50 } as ServerMessage);
  expect(receive(healed.view, { ...patch, version: 51 }).resubscribe).toBe(false);
});

test("a_strip_that_nobody_touched_keeps_its_identity", () => {
  const before = started();
  const next = after(before, { change: "track", id: BASS, gain_db: 3 });
  expect(next.room.tracks[0]).toBe(before.room.tracks[0]);
  expect(next.room.tracks[1]?.gain_db).toBe(3);
});

test("a_track_that_joins_twice_is_there_once", () => {
  const before = started();
  const anna = before.room.tracks[0];
  if (anna === undefined) throw new Error("the example has two tracks");
  const next = after(before, { change: "joined", track: { ...anna, gain_db: 5 } });
  expect(next.room.tracks.map((t) => t.id)).toEqual([BASS, ANNA]);
});

test("messages_that_are_no_state_leave_it_alone", () => {
  const before = started();
  for (const name of ["server-meters", "server-event", "server-reply-done", "server-closed"]) {
    expect(receive(before, example<ServerMessage>(name)).view).toBe(before);
  }
});

test("a_change_of_a_newer_server_is_passed_over", () => {
  const before = started();
  const next = after(before, { change: "weather", holder: ANNA } as unknown as Change);
  expect(next.version).toBe(42);
  expect(next.room).toEqual(before.room);
});

test("who_talks_leaves_oneself_out", () => {
  const { room } = started();
  expect(talkers(room, null)).toEqual(["Anna"]);
  expect(talkers(room, ANNA)).toEqual([]);
});
