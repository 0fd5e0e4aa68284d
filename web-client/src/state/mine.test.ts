import { expect, test } from "vitest";
import { AS_AT_THE_DESK, NO_WISH, patched, wishFor } from "./mine";

test("a_wish_changes_what_it_names_and_null_forgets_it", () => {
  const quiet = patched(AS_AT_THE_DESK, { tracks: { ines: { gain_db: -12 } } });
  expect(wishFor(quiet, "ines")).toEqual({ ...NO_WISH, gain_db: -12 });
  expect(wishFor(quiet, "sam")).toEqual(NO_WISH);
  const silent = patched(quiet, { tracks: { ines: { muted: true } } });
  expect(wishFor(silent, "ines")).toEqual({ ...NO_WISH, gain_db: -12, muted: true });
  expect(patched(silent, { tracks: { ines: null } })).toEqual(AS_AT_THE_DESK);
});
