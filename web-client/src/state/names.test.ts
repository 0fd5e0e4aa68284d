import { expect, test } from "vitest";
import { pageOf, personNameProblem, roomNameProblem, roomPath } from "./names";

test("room_names_are_those_of_the_server", () => {
  for (const good of ["a", "Ward_3-b", "x".repeat(64)]) expect(roomNameProblem(good)).toBeNull();
  for (const bad of ["", "a b", "ä", "a/b", "..", "x".repeat(65)]) expect(roomNameProblem(bad)).not.toBeNull();
});

test("what_is_wrong_with_a_room_name_is_named", () => {
  expect(roomNameProblem("ward 3")).toContain("a space");
  expect(roomNameProblem("küche")).toContain("“ü”");
  expect(roomNameProblem("x".repeat(65))).toContain("64");
});

test("people_may_be_called_what_they_like", () => {
  for (const good of ["Ines", "Żółć 3", "李"]) expect(personNameProblem(good)).toBeNull();
  for (const bad of ["", "   ", "a\u0007", "x".repeat(65)]) expect(personNameProblem(bad)).not.toBeNull();
});

test("addresses_name_pages", () => {
  expect(pageOf("/")).toEqual({ page: "home" });
  expect(pageOf(roomPath("ward-3"))).toEqual({ page: "room", room: "ward-3" });
  expect(pageOf("/room/a%20b")).toEqual({ page: "room", room: "a b" });
  expect(pageOf("/room/%E0%A4")).toEqual({ page: "room", room: "%E0%A4" });
  expect(pageOf("/nowhere")).toEqual({ page: "unknown", path: "/nowhere" });
});
