/** The walkie-talkie: who is heard, the button, and what one sets for oneself. */

import type { RoomSession } from "../network/session";
import { talkers } from "../state/room";
import { latch } from "../state/talk";
import type { RoomStore } from "../state/store";
import { talkingSentence } from "../state/words";
import { useEffect, useRef } from "preact/hooks";
import { CopyLink } from "./copy-link";
import { Icon } from "./icons";
import type { MeterCanvas } from "./meter-canvas";
import { cleanUp, volume } from "./remember";
import { Switch } from "./switch";
import { TalkButton } from "./talk-button";

interface Props {
  store: RoomStore;
  session: RoomSession;
  canvas: MeterCanvas;
}

export function TalkPanel({ store, session, canvas }: Props) {
  const room = store.view.value?.room;
  const onAir = store.onAir.value;
  const live = store.live.value;
  const heard = room === undefined || !live ? [] : talkers(room, store.own.value);
  const alone = room !== undefined && room.listeners <= 1 && room.tracks.every((t) => t.id === store.own.value);
  const hasMicrophone = store.microphone.value;
  return (
    <section class="talk" aria-label="Talk">
      {alone && live ? (
        <div class="alone">
          <p>You are alone in here. Send this room’s address to the others.</p>
          <CopyLink />
        </div>
      ) : (
        <p class={heard.length > 0 ? "now who talking" : "now who"}>
          <i class="dot" />
          {live ? talkingSentence(heard) : "The line is down"}
        </p>
      )}
      {hasMicrophone ? (
        <>
          <TalkButton store={store} />
          <div class="talk-more">
            <Switch
              label="Keep talking"
              on={store.talk.value.latched}
              disabled={!store.live.value}
              toggle={(on) => {
                store.talk.value = latch(store.talk.peek(), on);
              }}
            />
            <MicrophoneLevel canvas={canvas} />
            <Volume />
          </div>
        </>
      ) : (
        <>
          <div class="listening">
            <p>{store.microphoneProblem.value ?? "You are listening. Nobody hears you."}</p>
            <button
              class="button primary"
              type="button"
              disabled={!store.live.value}
              onClick={() => void session.turnOnMicrophone(cleanUp.value)}
            >
              <Icon name="microphone" />
              Turn on the microphone
            </button>
          </div>
          <div class="talk-more">
            <Volume />
          </div>
        </>
      )}
      <p class="sr" role="status">
        {onAir ? "You are on the air." : ""}
      </p>
    </section>
  );
}

/** Moves before the talk key is down, so that one sees that the microphone works. */
function MicrophoneLevel({ canvas }: { canvas: MeterCanvas }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (place.current === null) return;
    return canvas.add(place.current, () => canvas.microphone(), true);
  }, [canvas]);
  return (
    <div class="setting">
      <span>
        <Icon name="microphone" />
        Microphone
      </span>
      <div class="meter flat">
        <div class="meter-well" ref={place} />
      </div>
    </div>
  );
}

function Volume() {
  return (
    <label class="setting">
      <span>
        <Icon name="sound" />
        My volume
      </span>
      <input
        type="range"
        class="volume"
        min={0}
        max={1}
        step={0.01}
        value={volume.value}
        aria-valuetext={`${Math.round(volume.value * 100)} %`}
        style={{ "--filled": `${volume.value * 100}%` }}
        onInput={(event) => {
          volume.value = event.currentTarget.valueAsNumber;
        }}
      />
    </label>
  );
}
