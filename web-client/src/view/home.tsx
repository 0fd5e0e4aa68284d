/** The first page: the rooms that are open, who is in them, and a field to open another. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { listRooms, type RequestError } from "../network/api";
import type { RoomState } from "../network/wire";
import { roomNameProblem, roomPath } from "../state/names";
import { roomFigures, talkingSentence } from "../state/words";
import { talkers } from "../state/room";
import { navigate } from "./navigate";
import { Wordmark } from "./icons";
import "./home.css";

const POLL_MS = 2000;
/** More names than this make a card too tall. */
const NAMES_SHOWN = 8;

export function HomePage() {
  const rooms = useSignal<RoomState[] | null>(null);
  const problem = useSignal<string | null>(null);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let gone = false;
    const poll = async () => {
      if (!document.hidden) {
        try {
          const list = await listRooms();
          if (gone) return;
          rooms.value = list;
          problem.value = null;
        } catch (error) {
          if (gone) return;
          problem.value = (error as RequestError).message;
        }
      }
      timer = setTimeout(() => void poll(), POLL_MS);
    };
    void poll();
    return () => {
      gone = true;
      clearTimeout(timer);
    };
  }, []);

  return (
    <div class="home">
      <header class="home-head">
        <Wordmark />
      </header>
      <main>
        <OpenRoom />
        <section aria-labelledby="rooms">
          <h2 id="rooms">Open rooms</h2>
          <p class="problem" role="status">
            {problem.value === null ? "" : `${problem.value} Asking again every 2 s.`}
          </p>
          <RoomList rooms={rooms.value} />
        </section>
      </main>
    </div>
  );
}

function OpenRoom() {
  const name = useSignal("");
  const problem = useSignal<string | null>(null);
  const submit = (event: Event) => {
    event.preventDefault();
    const wanted = name.value.trim();
    problem.value = roomNameProblem(wanted);
    if (problem.value === null) navigate(roomPath(wanted));
  };
  return (
    <form class="open-room" onSubmit={submit} noValidate>
      <h1>Talk together. Mix together.</h1>
      <p>A room opens when the first person comes in. Send its address to the others.</p>
      <div class="field-row">
        <label class="sr" for="room-name">
          Room name
        </label>
        <input
          id="room-name"
          type="text"
          value={name.value}
          placeholder="Room name, such as ward-3"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          aria-invalid={problem.value !== null}
          aria-describedby="room-name-problem"
          onInput={(event) => {
            name.value = event.currentTarget.value;
            // While typing only what can no longer become right is said.
            const typed = name.value.trim();
            problem.value = typed === "" ? null : roomNameProblem(typed);
          }}
        />
        <button class="button primary" type="submit">
          Open room
        </button>
      </div>
      <p id="room-name-problem" class="problem" role="alert">
        {problem.value}
      </p>
    </form>
  );
}

function RoomList({ rooms }: { rooms: RoomState[] | null }) {
  if (rooms === null) return null;
  if (rooms.length === 0) {
    return (
      <div class="empty">
        <svg viewBox="0 0 120 72" aria-hidden="true">
          {[18, 46, 74, 102].map((x, i) => (
            <g key={x}>
              <rect class="mark-way" x={x - 1.5} y="6" width="3" height="60" rx="1.5" />
              <rect class="mark-cap" x={x - 9} y={[50, 50, 50, 50][i]} width="18" height="9" rx="3" />
            </g>
          ))}
        </svg>
        <h3>No room is open</h3>
        <p>Give one a name above. It opens as soon as you come in.</p>
      </div>
    );
  }
  return (
    <ul class="rooms">
      {rooms.map((room) => (
        <li key={room.room}>
          <RoomCard room={room} />
        </li>
      ))}
    </ul>
  );
}

function RoomCard({ room }: { room: RoomState }) {
  const talking = talkers(room, null);
  const more = room.tracks.length - NAMES_SHOWN;
  return (
    <a class="room-card" href={roomPath(room.room)}>
      <span class="room-card-head">
        <strong>{room.room}</strong>
        <span class="figures">{roomFigures(room)}</span>
      </span>
      <span class={talking.length > 0 ? "who talking" : "who"}>
        <i class="dot" />
        {talkingSentence(talking)}
      </span>
      {room.tracks.length > 0 && (
        <span class="names">
          {room.tracks.slice(0, NAMES_SHOWN).map((track) => (
            <span key={track.id} class={track.talking ? "name talking" : "name"}>
              {track.name}
            </span>
          ))}
          {more > 0 && <span class="name">and {more} more</span>}
        </span>
      )}
    </a>
  );
}
