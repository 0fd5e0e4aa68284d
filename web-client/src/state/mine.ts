/** The personal mix: how single tracks sound for this listener alone. */

import type { PersonalMix, PersonalPatch, Wish } from "../network/wire";

/** Up to here one turns a person up for oneself; the server would take more. */
export const WISH_MAX_DB = 12;
export const WISH_MIN_DB = -60;

export const AS_AT_THE_DESK: PersonalMix = { volume_db: 0, tracks: {} };
export const NO_WISH: Wish = { gain_db: 0, muted: false, solo: false };

export function wishFor(mix: PersonalMix, id: string): Wish {
  return mix.tracks[id] ?? NO_WISH;
}

/** The mix after the server has taken this. */
export function patched(mix: PersonalMix, patch: PersonalPatch): PersonalMix {
  const tracks = { ...mix.tracks };
  for (const [id, wish] of Object.entries(patch.tracks ?? {})) {
    if (wish === null) delete tracks[id];
    else tracks[id] = { ...(tracks[id] ?? NO_WISH), ...wish };
  }
  return { volume_db: patch.volume_db ?? mix.volume_db, tracks };
}
