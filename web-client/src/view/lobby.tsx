/** The door of a room: who is in there, one's own name, and the click that browsers want before
 * they give the microphone and play sound. */

import { useSignal } from "@preact/signals";
import { useCallback, useEffect } from "preact/hooks";
import { lookIntoRoom, type RequestError } from "../network/api";
import type { RoomState } from "../network/wire";
import { personNameProblem } from "../state/names";
import { talkers } from "../state/room";
import { sentence } from "../state/session";
import type { RoomStore } from "../state/store";
import { talkingSentence } from "../state/words";
import { Icon, Wordmark } from "./icons";
import { Cleaning, Devices } from "./devices";
import { LevelBar } from "./level-bar";
import { choices, ownName } from "./remember";
import { useRig } from "./rig-context";
import "./lobby.css";

const POLL_MS = 2000;

export function Lobby({ store }: { store: RoomStore }) {
  const rig = useRig();
  const nameProblem = useSignal<string | null>(null);
  const now = store.session.value;
  const busy = now.at === "asking" || now.at === "joining";
  const said = sentence(now, 0);

  const come = (part: "talk" | "listen") => {
    const name = ownName.value.trim();
    nameProblem.value = part === "talk" ? personNameProblem(name) : null;
    if (nameProblem.value !== null) {
      document.getElementById("own-name")?.focus();
      return;
    }
    if (part === "talk") void rig.talk(name);
    else void rig.listen(name === "" ? "listener" : name);
  };

  return (
    <div class="lobby">
      <header class="home-head">
        <Wordmark />
        <a class="quiet" href="/">
          All rooms
        </a>
      </header>
      <main>
        <form
          class="door"
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            come("talk");
          }}
        >
          <h1>{store.room}</h1>
          <InThere room={store.room} />
          <label class="named">
            <span>Your name</span>
            <input
              id="own-name"
              type="text"
              value={ownName.value}
              maxLength={64}
              autocomplete="nickname"
              aria-invalid={nameProblem.value !== null}
              aria-describedby="own-name-problem"
              onInput={(event) => {
                ownName.value = event.currentTarget.value;
                nameProblem.value = null;
              }}
            />
          </label>
          <p id="own-name-problem" class="problem" role="alert">
            {nameProblem.value}
          </p>
          <Cleaning />
          <MicrophoneCheck />
          <div class="door-buttons">
            <button class="button primary big" type="submit" disabled={busy}>
              <Icon name="microphone" />
              Join and talk
            </button>
            <button class="button big" type="button" disabled={busy} onClick={() => come("listen")}>
              <Icon name="sound" />
              Just listen
            </button>
          </div>
          <p class={now.at === "lobby" || now.at === "ended" ? "said problem" : "said"} role="status">
            {said}
          </p>
        </form>
      </main>
    </div>
  );
}

/** Hears the microphone before one goes in, and lets one choose another. */
function MicrophoneCheck() {
  const rig = useRig();
  const voice = rig.voice.store;
  const problem = useSignal<string | null>(null);
  const read = useCallback(() => rig.voice.level(), [rig]);
  const check = () => {
    problem.value = null;
    rig.voice.open(choices.microphone.value).catch((error: Error) => (problem.value = error.message));
  };
  if (!voice.open.value) {
    return (
      <div class="check">
        <button class="button small" type="button" onClick={check}>
          Check microphone and speaker
        </button>
        <p class="problem" role="status">
          {problem.value}
        </p>
      </div>
    );
  }
  return (
    <div class="check">
      <div class="named">
        <span>Say something</span>
        <LevelBar read={read} label="Level of my microphone" />
      </div>
      <Devices voice={voice} />
      <button class="button small" type="button" onClick={() => rig.sound("granted", true)}>
        Play a tone
      </button>
    </div>
  );
}

/** Who is in the room, before one goes in. Says nothing where the server does not tell. */
function InThere({ room }: { room: string }) {
  const state = useSignal<RoomState | "new" | "unknown" | "offline" | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    const poll = async () => {
      try {
        const got = await lookIntoRoom(room);
        if (!gone) state.value = got ?? "new";
      } catch (error) {
        if (!gone) state.value = (error as RequestError).status === 0 ? "offline" : "unknown";
      }
      if (!gone) timer = setTimeout(() => void poll(), POLL_MS);
    };
    void poll();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, [room]);

  const now = state.value;
  if (now === null || now === "unknown") return <p class="in-there" />;
  if (now === "offline") return <p class="in-there problem">You are offline: the server does not answer. Asking again every 2 s.</p>;
  if (now === "new" || (now.tracks.length === 0 && now.listeners === 0)) {
    return <p class="in-there">Nobody is in here yet. You open the room.</p>;
  }
  const names = now.tracks.map((t) => t.name);
  const talking = talkers(now, null);
  const who = names.length === 0 ? `${now.listeners} listening` : names.slice(0, 4).join(", ");
  const more = names.length > 4 ? ` and ${names.length - 4} more` : "";
  return (
    <p class={talking.length > 0 ? "in-there who talking" : "in-there who"}>
      <i class="dot" />
      {`${who}${more} in here. ${talkingSentence(talking)}.`}
    </p>
  );
}
