/**
 * Where a person stands with a room: outside, joining, in it, or waiting for the next try. Events
 * and the time go in, the next state comes out; `network/session.ts` does what the state asks.
 */

import { delayMs, failuresAfterLoss, secondsLeft } from "./backoff";

export type Part = "talker" | "listener";

export type Session =
  | { at: "lobby"; problem: string | null }
  | { at: "asking" }
  | { at: "joining"; part: Part; failures: number; why: string | null }
  | { at: "live"; part: Part; failures: number; since: number }
  | { at: "waiting"; part: Part; failures: number; until: number; why: string }
  | { at: "ended"; part: Part; why: string };

export type SessionEvent =
  | { is: "ask" }
  | { is: "no microphone"; sentence: string }
  | { is: "join"; part: Part }
  | { is: "opened"; now: number }
  | { is: "lost"; why: string; now: number }
  | { is: "due" }
  | { is: "refused"; sentence: string }
  | { is: "ended"; why: string }
  | { is: "left" };

export const OUTSIDE: Session = { at: "lobby", problem: null };

/** An event that has no meaning in a state leaves it as it is. */
export function step(session: Session, event: SessionEvent): Session {
  switch (event.is) {
    case "ask":
      return session.at === "lobby" || session.at === "ended" ? { at: "asking" } : session;
    case "no microphone":
      return session.at === "asking" ? { at: "lobby", problem: event.sentence } : session;
    case "join":
      return { at: "joining", part: event.part, failures: 0, why: null };
    case "opened":
      return session.at === "joining"
        ? { at: "live", part: session.part, failures: session.failures, since: event.now }
        : session;
    case "lost":
      return lost(session, event.why, event.now);
    case "due":
      return session.at === "waiting"
        ? { at: "joining", part: session.part, failures: session.failures, why: session.why }
        : session;
    case "refused":
      return session.at === "joining" ? { at: "lobby", problem: event.sentence } : session;
    case "ended":
      return session.at === "live" || session.at === "joining" || session.at === "waiting"
        ? { at: "ended", part: session.part, why: event.why }
        : session;
    case "left":
      return OUTSIDE;
  }
}

function lost(session: Session, why: string, now: number): Session {
  if (session.at !== "joining" && session.at !== "live") return session;
  const failures = failuresAfterLoss(session.failures, session.at === "live" ? session.since : null, now);
  return { at: "waiting", part: session.part, failures: failures + 1, until: now + delayMs(failures), why };
}

/** Whether the person is in the room, or on the way back into it. */
export function inside(session: Session): boolean {
  return session.at === "live" || session.at === "waiting" || (session.at === "joining" && session.why !== null);
}

/** What the state is, in a sentence; `now` in milliseconds. */
export function sentence(session: Session, now: number): string {
  switch (session.at) {
    case "lobby":
      return session.problem ?? "";
    case "asking":
      return "Your browser asks for the microphone: please allow it.";
    case "joining":
      return session.why === null ? "Joining." : `Offline: trying now. ${session.why}`;
    case "live":
      return "Connected.";
    case "waiting":
      return `Offline: next try in ${secondsLeft(session.until, now)} s. ${session.why}`;
    case "ended":
      return session.why;
  }
}
