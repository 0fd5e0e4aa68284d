/** The walkie-talkie: channels, who is heard, the button, and the sheets below the thumb. */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { partner } from "../state/direct";
import { clock, face, floorNames, spoken, type Face } from "../state/face";
import { latch } from "../state/talk";
import type { RoomSession } from "../network/session";
import type { RoomStore } from "../state/store";
import { talkingSentence } from "../state/words";
import { ChannelRows } from "./channel-rows";
import { CopyLink } from "./copy-link";
import { DirectLine } from "./direct-line";
import { Icon } from "./icons";
import { Switch } from "./switch";
import { TalkButton } from "./talk-button";
import { TalkNav } from "./talk-nav";
import { useRig } from "./rig-context";
import { Wave } from "./wave";

interface Props {
  store: RoomStore;
  session: RoomSession;
}

/** Seconds are read, so they need no more than this. */
const TICK_MS = 250;

export function TalkPanel({ store, session }: Props) {
  const rig = useRig();
  const now = useNow(store);
  const room = store.view.value?.room;
  const live = store.live.value;
  const own = store.own.value;
  const names = room === undefined ? { holders: [], next: null } : floorNames(room, own);
  const it = face({
    floor: store.floor.value,
    live,
    muted: store.ownTrack.value?.muted === true,
    latched: store.talk.value.latched,
    others: names.holders.length > 0 ? names.holders : store.talkers.value,
    warningMs: room?.floor_warning_ms ?? 0,
    graceMs: room?.floor_grace_ms ?? 0,
    now,
  });
  return (
    <section class="talk" aria-label="Talk" data-state={it.kind}>
      <ChannelRows />
      <Now store={store} session={session} it={it} now={now} next={names.next} />
      {store.microphone.value ? (
        <>
          <TalkButton store={store} it={it} />
          <Switch
            label="Keep talking"
            on={store.talk.value.latched}
            disabled={!live}
            toggle={(on) => {
              store.talk.value = latch(store.talk.peek(), on);
            }}
          />
        </>
      ) : (
        <div class="listening">
          <p>{store.microphoneProblem.value ?? "You are listening. Nobody hears you."}</p>
          <button class="button primary" type="button" disabled={!live} onClick={() => void rig.turnOnMicrophone()}>
            <Icon name="microphone" />
            Turn on the microphone
          </button>
        </div>
      )}
      <TalkNav store={store} session={session} />
      <p class="sr" role="status" aria-label="Your state">
        {store.microphone.value ? spoken(it) : ""}
      </p>
    </section>
  );
}

interface NowProps {
  store: RoomStore;
  session: RoomSession;
  it: Face;
  now: number;
  next: string | null;
}

/** What happens in the room now, between the channels and the button. */
function Now({ store, session, it, now, next }: NowProps) {
  const room = store.view.value?.room;
  const own = store.own.value;
  const live = store.live.value;
  const alone = room !== undefined && room.listeners <= 1 && room.tracks.every((t) => t.id === own);
  const { accessMs } = store.floor.value;
  const direct = useComputed(() => {
    const now = store.direct.value;
    return partner(store.view.value?.room, store.own.value) !== null || now.at !== "none" || now.ended !== null;
  });
  if (alone && live && it.ring === null) {
    return (
      <div class="talk-now alone">
        <p>You are alone in here. Send this room’s address to the others.</p>
        <CopyLink room={store.room} />
      </div>
    );
  }
  const talking = store.talkers.value;
  const small = [
    accessMs !== null && store.floorNeeded.value && `granted in ${Math.round(accessMs)} ms`,
    next !== null && `${next} is next`,
  ].filter(Boolean);
  return (
    <div class="talk-now">
      {live && (it.ring === null || talking.length > 0) && (
        <p class={talking.length > 0 ? "now who talking" : "now who"}>
          <i class="dot" />
          {talkingSentence(talking)}
        </p>
      )}
      {it.ring !== null && <p class="talk-figure">{clock(it.ring.until - now)} left</p>}
      <Wave store={store} session={session} />
      {small.length > 0 && <p class="figures">{small.join(" · ")}</p>}
      {direct.value && <DirectLine store={store} session={session} />}
      {store.voice.said.value !== null && <p class="quiet" role="status">{store.voice.said.value}</p>}
    </div>
  );
}

/** The time, which goes on only while something on the panel depends on it. */
function useNow(store: RoomStore): number {
  const now = useSignal(performance.now());
  useSignalEffect(() => {
    const { phase } = store.floor.value;
    const runs = (phase.is === "talking" && phase.until !== null) || phase.is === "revoking";
    now.value = performance.now();
    if (!runs) return;
    const timer = setInterval(() => {
      now.value = performance.now();
    }, TICK_MS);
    return () => clearInterval(timer);
  });
  return now.value;
}
