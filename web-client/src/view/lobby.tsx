/** The door of a room: who is in there, one's own name, and the click that browsers want before
 * they give the microphone and play sound. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { lookIntoRoom } from "../network/api";
import type { RoomSession } from "../network/session";
import type { RoomState } from "../network/wire";
import { personNameProblem } from "../state/names";
import { talkers } from "../state/room";
import { sentence } from "../state/session";
import type { RoomStore } from "../state/store";
import { talkingSentence } from "../state/words";
import { Icon, Wordmark } from "./icons";
import { cleanUp, ownName } from "./remember";
import { Switch } from "./switch";
import "./lobby.css";

const POLL_MS = 2000;

interface Props {
  store: RoomStore;
  session: RoomSession;
}

export function Lobby({ store, session }: Props) {
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
    if (part === "talk") void session.talk(name, cleanUp.value);
    else void session.listen(name === "" ? "listener" : name);
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
          <label class="field">
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
          <Switch
            label="Clean up my voice"
            hint={cleanUp.value ? "Echo and noise are removed." : "Sent as it is: for music and headphones."}
            on={cleanUp.value}
            toggle={(on) => {
              cleanUp.value = on;
            }}
          />
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

/** Who is in the room, before one goes in. Says nothing where the server does not tell. */
function InThere({ room }: { room: string }) {
  const state = useSignal<RoomState | "new" | null>(null);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    const poll = async () => {
      try {
        const got = await lookIntoRoom(room);
        if (!gone) state.value = got ?? "new";
      } catch {
        if (!gone) state.value = null;
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
  if (now === null) return <p class="in-there" />;
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
