/** What goes wrong, in a sentence that says what to do. */

import type { Problem, RoomState, TrackState } from "../network/wire";

/** Why there is no microphone. `name` is the DOMException's, or `insecure` where pages have none. */
export function microphoneSentence(name: string): string {
  switch (name) {
    case "insecure":
      return "Browsers give the microphone only to secure pages: open this one by https, or on this computer as localhost.";
    case "NotAllowedError":
    case "SecurityError":
      return "The browser was told not to give this page the microphone. Allow it beside the address, then try again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "No microphone was found. Plug one in and try again, or come in to listen.";
    case "NotReadableError":
    case "AbortError":
      return "The microphone did not start: perhaps another program is using it. Close that program and try again.";
    case "ended":
      return "The microphone went away. Plug it in again, then turn it on here.";
    default:
      return `The microphone did not start (${name}). Try again, or come in to listen.`;
  }
}

/** Why a request failed; `status` 0 when no answer came. */
export function requestSentence(status: number, problem: Problem | null): string {
  if (status === 0) return "The server does not answer.";
  if (status === 401) return "This server asks for a token: open the link that you were given.";
  if (status === 403) return "Your token does not allow this here.";
  if (status === 503) return "The server is full or about to stop.";
  return problem === null ? `The server refused this (${status}).` : upperFirst(problem.detail);
}

/** Why no sound can pass, when the server's answer was `answer`. Firefox finds no way to the address of its own computer. */
export function noWaySentence(answer: string, browser: string): string {
  const isLoopback = /^a=candidate:.* (127\.\d+\.\d+\.\d+|::1) \d+ typ host/m.test(answer);
  if (isLoopback && browser.includes("Firefox/")) {
    return (
      "Firefox does not send sound to this computer's own address. Start the server with --media-ip and the address that this " +
      "computer has in its network, or use another browser on this computer."
    );
  }
  return "No way through the network to the server's media port.";
}

/** Whether the same request may do better later. */
export function worthRetrying(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}

/** `Ines is talking`, `Ines and Sam are talking`, `4 people are talking`. */
export function talkingSentence(names: readonly string[]): string {
  if (names.length === 0) return "Nobody is talking";
  if (names.length === 1) return `${names[0]} is talking`;
  if (names.length === 2) return `${names[0]} and ${names[1]} are talking`;
  return `${names.length} are talking`;
}

/** `2 tracks · 3 listening`. */
export function roomFigures(room: RoomState): string {
  const tracks = `${room.tracks.length} ${room.tracks.length === 1 ? "track" : "tracks"}`;
  return `${tracks} · ${room.listeners} listening`;
}

/** What a track is, for the foot of its strip. */
export function kindWord(kind: TrackState["kind"]): string {
  switch (kind) {
    case "peer":
      return "voice";
    case "whip":
      return "encoder";
    case "file":
      return "file";
    default:
      return kind;
  }
}

function upperFirst(text: string): string {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}
