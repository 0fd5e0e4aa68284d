/** When two in a room may go peer to peer, and what they say to each other on the way. */

import type { RoomState } from "../network/wire";

/** The other one, if the room is open and holds exactly the two; else null. */
export function partner(room: RoomState | undefined, own: string | null): string | null {
  if (room === undefined || own === null || room.mode !== "open") return null;
  if (room.listeners > 2 || room.tracks.length !== 2 || room.tracks.some((t) => t.kind !== "peer")) return null;
  if (!room.tracks.some((t) => t.id === own)) return null;
  return room.tracks.find((t) => t.id !== own)?.id ?? null;
}

export type DirectWord =
  | { type: "offer" | "answer"; sdp: string }
  | { type: "candidate"; candidate: RTCIceCandidateInit }
  /** I hear you directly: you need not speak to the room any more. */
  | { type: "hearing" }
  | { type: "end"; why: DirectEnd };

export type DirectEnd = "back" | "third" | "failed" | "declined";

/** What another page sent; null if it is no word of a direct call. */
export function readWord(data: string): DirectWord | null {
  let it: unknown;
  try {
    it = JSON.parse(data);
  } catch {
    return null;
  }
  if (typeof it !== "object" || it === null) return null;
  const word = it as Record<string, unknown>;
  switch (word.type) {
    case "offer":
    case "answer":
      return typeof word.sdp === "string" ? { type: word.type, sdp: word.sdp } : null;
    case "candidate":
      return typeof word.candidate === "object" && word.candidate !== null
        ? { type: "candidate", candidate: word.candidate as RTCIceCandidateInit }
        : null;
    case "hearing":
      return { type: "hearing" };
    case "end":
      return { type: "end", why: ENDS.find((why) => why === word.why) ?? "back" };
    default:
      return null;
  }
}

const ENDS: readonly DirectEnd[] = ["back", "third", "failed", "declined"];

/** Why the call went back to the room, in a sentence; `name`: the other one. */
export function endSentence(why: DirectEnd, name: string): string {
  switch (why) {
    case "back":
      return "Back in the room.";
    case "third":
      return "Somebody came in: back in the room.";
    case "failed":
      return "The direct way failed: back in the room.";
    case "declined":
      return `${name} takes no direct calls.`;
  }
}
