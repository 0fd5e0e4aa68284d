/** Solo, and what the own wishes do to what one hears. */

import type { PersonalMix, PersonalPatch, Wish, WishPatch } from "../network/wire";
import { wishFor } from "./mine";

/** While any track is solo only those are heard. */
export function anySolo(mix: PersonalMix): boolean {
  return Object.values(mix.tracks).some((wish) => wish.solo);
}

/** Whether a track sounds otherwise than at the desk. */
export function isWish(wish: Wish): boolean {
  return wish.gain_db !== 0 || wish.pan !== undefined || wish.muted || wish.solo;
}

/** Whether anything does. */
export function isOwn(mix: PersonalMix): boolean {
  return mix.volume_db !== 0 || Object.values(mix.tracks).some(isWish);
}

/** Whether this person does not hear the track by his own wish. */
export function silencedFor(mix: PersonalMix, id: string): boolean {
  const wish = wishFor(mix, id);
  return wish.muted || wish.gain_db <= -60 || (anySolo(mix) && !wish.solo);
}

/** What a click on solo asks for: this one on or off, and with `alone` all others off. */
export function soloPatch(mix: PersonalMix, id: string, alone: boolean): PersonalPatch {
  const on = !wishFor(mix, id).solo;
  const others: Record<string, WishPatch> = {};
  if (alone) {
    for (const [other, wish] of Object.entries(mix.tracks)) if (wish.solo && other !== id) others[other] = { solo: false };
  }
  return { tracks: { ...others, [id]: { solo: on } } };
}
