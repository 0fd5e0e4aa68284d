import { expect, test } from "vitest";
import { AS_AT_THE_DESK, patched } from "./mine";
import { anySolo, isOwn, silencedFor, soloPatch } from "./personal";

test("while_one_is_solo_the_others_are_silent_for_me", () => {
  const mix = patched(AS_AT_THE_DESK, soloPatch(AS_AT_THE_DESK, "a", false));
  expect(anySolo(mix)).toBe(true);
  expect([silencedFor(mix, "a"), silencedFor(mix, "b")]).toEqual([false, true]);
  const both = patched(mix, soloPatch(mix, "b", false));
  expect([silencedFor(both, "a"), silencedFor(both, "b")]).toEqual([false, false]);
  const alone = patched(both, soloPatch(both, "c", true));
  expect(["a", "b", "c"].map((id) => silencedFor(alone, id))).toEqual([true, true, false]);
  const none = patched(alone, soloPatch(alone, "c", false));
  expect([anySolo(none), isOwn(none)]).toEqual([false, false]);
});

test("what_is_muted_or_off_for_me_is_silent_for_me_alone", () => {
  const mix = patched(AS_AT_THE_DESK, { tracks: { a: { muted: true }, b: { gain_db: -60 }, c: { gain_db: -12 } } });
  expect(["a", "b", "c", "d"].map((id) => silencedFor(mix, id))).toEqual([true, true, false, false]);
  expect(isOwn(mix)).toBe(true);
});
