/** What the desk says of its controls, in words. */

import type { Bus, TrackState, TrackStats } from "../network/wire";
import { gainSpoken, panSpoken } from "./fader";
import type { Turned } from "./history";
import { isOfRoom, type Control, type Value } from "./holds";

export const BUSES: readonly Bus[] = ["voice", "program", "announcement"];

/** What a bus does, for a tooltip. */
export function busSentence(bus: Bus): string {
  switch (bus) {
    case "voice":
      return "Voice: pushes programs down while it talks";
    case "program":
      return "Program: goes down while somebody talks, needs no floor";
    case "announcement":
      return "Announcement: all others go down while it sounds, needs no floor";
  }
}

/** `Undone: gain of Anna back to 0.0 dB.`, and whom that overrides. */
export function turnedSentence(word: string, turned: Turned, tracks: readonly TrackState[]): string {
  const [first] = turned.moves;
  if (first === undefined) return `${word}: that strip has left.`;
  const name = (id: string) => tracks.find((t) => t.id === id)?.name ?? "";
  const what =
    turned.moves.length === 1
      ? `${controlWord(first.control, name(first.id))} is ${valueWord(first.control, first.value)}`
      : `${turned.moves.length} controls are as they were`;
  const [other] = turned.overridden;
  const since = other === undefined ? "" : ` Another hand had set ${controlWord(other.control, name(other.id))} to ${valueWord(other.control, other.value)} since.`;
  return `${word}: ${what}.${since}`;
}

function controlWord(control: Control, name: string): string {
  if (control === "master_gain_db") return "the master";
  if (isOfRoom(control)) return control === "mode" ? "who may talk" : "a setting of the room";
  const words = { gain_db: "gain", pan: "pan", muted: "mute", name: "name", bus: "bus", group: "group", auto_gain: "auto gain", denoise: "noise reduction" } as const;
  return `${words[control]} of ${name}`;
}

function valueWord(control: Control, value: Value): string {
  if (typeof value === "boolean") return value ? "on" : "off";
  if (typeof value === "string") return value === "" ? "none" : value;
  if (control === "gain_db" || control === "master_gain_db") return gainSpoken(value);
  return control === "pan" ? panSpoken(value) : String(value);
}

/** `0.6 %`. */
export function lossText(percent: number): string {
  return `${percent < 9.95 ? percent.toFixed(1) : Math.round(percent)} %`;
}

/** What it means that a talker is forwarded, for who looks at its strip; null while it is mixed. */
export function forwardedSentence(name: string, stats: TrackStats | undefined): string | null {
  return stats?.forwarded === true ? `${name} talks alone: the others get the packets as they come, at once and unmixed` : null;
}

/** How many hearers get a lone talker's packets, for the figures of the room; empty while all hear a mix. */
export function forwardedText(hearers: number | undefined): string {
  return hearers === undefined || hearers === 0 ? "" : `${hearers} forwarded`;
}

/** `1st`, `2nd`, `3rd`, `11th`. */
export function ordinal(n: number): string {
  const tens = n % 100;
  const ending = tens > 10 && tens < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th");
  return `${n}${ending}`;
}

/** `0:09`, `12:30`: minutes and seconds, rounded up, so that 0:00 is truly over. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
