/** Who sends into the room: who talks, how loud, how loud for oneself, and a call light for each. */

import { useCallback, useEffect } from "preact/hooks";
import type { RoomSession } from "../network/session";
import type { RoomStore } from "../state/store";
import type { TrackState } from "../network/wire";
import { gainSpoken, gainText } from "../state/fader";
import { AS_AT_THE_DESK, WISH_MAX_DB, WISH_MIN_DB, wishFor } from "../state/mine";
import { kindWord } from "../state/words";
import { Icon } from "./icons";
import { LevelBar } from "./level-bar";
import { useCall } from "./use-call";

interface Props {
  store: RoomStore;
  session: RoomSession;
}

export function People({ store, session }: Props) {
  const room = store.view.value?.room;
  const own = store.own.value;
  const { call, said, waiting } = useCall(session);
  useEffect(() => void session.readMix(), [session]);
  if (room === undefined) return null;
  const listeners = Math.max(0, room.listeners - room.tracks.filter((t) => t.kind === "peer").length);
  return (
    <div aria-label="Who is here" role="group">
      <ul class="sheet-list">
        {room.tracks.map((track) => (
          <Person
            key={track.id}
            track={track}
            own={track.id === own}
            store={store}
            session={session}
            call={waiting ? null : () => void call(track.id, track.name)}
          />
        ))}
      </ul>
      {room.tracks.length === 0 && <p class="quiet">Nobody sends into this room.</p>}
      {listeners > 0 && <p class="quiet">{listeners === 1 ? "One more listens." : `${listeners} more listen.`}</p>}
      <p class="quiet" role="status">
        {said}
      </p>
    </div>
  );
}

interface PersonProps extends Props {
  track: TrackState;
  own: boolean;
  /** Null while the last call is still fresh. */
  call: (() => void) | null;
}

function Person({ track, own, store, session, call }: PersonProps) {
  const { id, name } = track;
  const live = store.live.value;
  const wish = wishFor(store.mine.value ?? AS_AT_THE_DESK, id);
  const read = useCallback(() => store.meters.of(id).level, [store, id]);
  const talking = track.talking && live;
  const words = [own ? "you" : track.kind === "peer" ? "" : kindWord(track.kind), track.muted ? "muted by the desk" : talking ? "talking" : ""];
  const way = (wish.gain_db - WISH_MIN_DB) / (WISH_MAX_DB - WISH_MIN_DB);
  return (
    <li class={talking ? "sheet-item talking" : "sheet-item"}>
      <div class="sheet-item-head">
        <i class="dot" />
        <span class="sheet-item-name">
          <strong>{name}</strong>
          <small>{words.filter(Boolean).join(" · ")}</small>
        </span>
        <LevelBar read={read} />
        {!own && track.kind === "peer" && (
          <button class="button small" type="button" aria-label={`Call ${name}`} disabled={!live || call === null} onClick={() => call?.()}>
            <Icon name="bell" />
          </button>
        )}
      </div>
      {!own && (
        <div class="sheet-item-row">
          <button
            class="button small"
            type="button"
            aria-pressed={wish.muted}
            aria-label={`Silence ${name} for me`}
            disabled={!live}
            onClick={() => session.wish({ tracks: { [id]: { muted: !wish.muted } } })}
          >
            Silence
          </button>
          <input
            type="range"
            class="volume"
            min={WISH_MIN_DB}
            max={WISH_MAX_DB}
            step={0.5}
            value={wish.gain_db}
            disabled={!live}
            aria-label={`${name} for me`}
            aria-valuetext={gainSpoken(wish.gain_db)}
            title="Double-click for 0 dB"
            style={{ "--filled": `${way * 100}%` }}
            onDblClick={() => session.wish({ tracks: { [id]: { gain_db: 0 } } })}
            onInput={(event) => session.wish({ tracks: { [id]: { gain_db: event.currentTarget.valueAsNumber } } })}
          />
          <span class="figures">{wish.gain_db <= WISH_MIN_DB ? "off" : `${gainText(wish.gain_db)} dB`}</span>
        </div>
      )}
    </li>
  );
}
