/** What may be a name, in the words of the page. The server has the last word. */

const ROOM = /^[A-Za-z0-9_-]{1,64}$/;

/** Why this cannot be a room's name, or null if it can. */
export function roomNameProblem(name: string): string | null {
  if (ROOM.test(name)) return null;
  if (name === "") return "Give the room a name.";
  if (name.length > 64) return "A room's name has at most 64 characters.";
  const wrong = [...name].find((c) => !/[A-Za-z0-9_-]/.test(c)) ?? "";
  const said = wrong.trim() === "" ? "a space" : `“${wrong}”`;
  return `A room's name has only letters A to Z, figures, - and _, so ${said} cannot be in it.`;
}

/** Why this cannot be a person's name, or null if it can. */
export function personNameProblem(name: string): string | null {
  if (name.trim() === "") return "Say who you are, so that others can read it.";
  if ([...name].length > 64) return "A name has at most 64 characters.";
  if (/\p{Cc}/u.test(name)) return "A name has no control characters.";
  return null;
}

/** The page that an address names. */
export type Page = { page: "home" } | { page: "room"; room: string } | { page: "unknown"; path: string };

export function pageOf(pathname: string): Page {
  if (pathname === "/" || pathname === "/index.html") return { page: "home" };
  const room = /^\/room\/([^/]+)\/?$/.exec(pathname)?.[1];
  return room === undefined ? { page: "unknown", path: pathname } : { page: "room", room: decoded(room) };
}

export function roomPath(room: string): string {
  return `/room/${encodeURIComponent(room)}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
