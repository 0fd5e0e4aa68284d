/** All channels: how loud each is, which one talks, one more, one less. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { listRooms } from "../network/api";
import type { Channel } from "../network/rig";
import type { RoomState } from "../network/wire";
import { earText } from "../state/channels";
import { sentence } from "../state/session";
import { channelWords } from "./channel-rows";
import { Icon } from "./icons";
import { useRig } from "./rig-context";

export function ChannelSheet() {
  const rig = useRig();
  const channels = rig.channels.value;
  return (
    <>
      <ul class="sheet-list">
        {channels.map((channel) => (
          <ChannelItem key={channel.store.room} channel={channel} only={channels.length === 1} />
        ))}
      </ul>
      <AddChannel />
    </>
  );
}

function ChannelItem({ channel, only }: { channel: Channel; only: boolean }) {
  const rig = useRig();
  const { store } = channel;
  const ear = store.ear.value;
  const missed = store.missed.value;
  const session = store.session.value;
  const selected = rig.selected.value === channel;
  const broken = session.at === "ended" || session.at === "lobby" ? sentence(session, 0) : "";
  return (
    <li class="sheet-item">
      <div class="sheet-item-head">
        <span class="sheet-item-name">
          <strong>{store.room}</strong>
          <small>{broken === "" ? channelWords(store) : broken}</small>
        </span>
        {missed.count > 0 && (
          <b class="badge">
            {missed.count}
            <span class="sr"> missed</span>
          </b>
        )}
        <button
          class="button small"
          type="button"
          aria-pressed={selected}
          disabled={!store.live.value}
          onClick={() => rig.select(channel)}
        >
          Talk here
          <span class="sr">: {store.room}</span>
        </button>
      </div>
      {missed.last !== null && (
        <p class="quiet">
          {missed.count === 1 ? "Missed: " : "Missed, last: "}
          {missed.last}
        </p>
      )}
      <div class="sheet-item-row">
        <button
          class="button small"
          type="button"
          aria-pressed={ear.muted}
          aria-label={`Mute channel ${store.room}`}
          onClick={() => rig.setEar(channel, { ...ear, muted: !ear.muted })}
        >
          Mute
        </button>
        <input
          type="range"
          class="volume"
          min={0}
          max={1}
          step={0.01}
          value={ear.volume}
          aria-label={`Volume of ${store.room}`}
          aria-valuetext={earText(ear)}
          style={{ "--filled": `${ear.volume * 100}%` }}
          onInput={(event) => rig.setEar(channel, { ...ear, volume: event.currentTarget.valueAsNumber })}
        />
        <span class="figures">{earText(ear)}</span>
        {!only && (
          <button class="button small" type="button" aria-label={`Remove ${store.room}`} onClick={() => rig.remove(channel)}>
            <Icon name="close" />
          </button>
        )}
      </div>
    </li>
  );
}

function AddChannel() {
  const rig = useRig();
  const name = useSignal("");
  const problem = useSignal<string | null>(null);
  const open = useSignal<readonly RoomState[]>([]);
  useEffect(() => {
    listRooms().then(
      (rooms) => (open.value = rooms),
      // The field works without the list.
      () => {},
    );
  }, []);
  const add = (room: string) => {
    problem.value = rig.add(room);
    if (problem.value === null) name.value = "";
  };
  const here = rig.channels.value.map(({ store }) => store.room);
  const others = open.value.filter((room) => !here.includes(room.room));
  return (
    <form
      class="add-channel"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        add(name.value.trim());
      }}
    >
      <label class="named">
        <span>Listen to one more</span>
        <div class="field-row">
          <input
            type="text"
            value={name.value}
            placeholder="Room name"
            autocomplete="off"
            autocapitalize="off"
            spellcheck={false}
            aria-label="Channel to add"
            aria-invalid={problem.value !== null}
            aria-describedby="add-channel-problem"
            onInput={(event) => {
              name.value = event.currentTarget.value;
              problem.value = null;
            }}
          />
          <button class="button primary" type="submit">
            Add
          </button>
        </div>
      </label>
      <p id="add-channel-problem" class="problem" role="alert">
        {problem.value}
      </p>
      {others.length > 0 && (
        <ul class="open-rooms" aria-label="Open rooms">
          {others.map(({ room }) => (
            <li key={room}>
              <button class="button small" type="button" aria-label={`Add ${room}`} onClick={() => add(room)}>
                <Icon name="add" />
                {room}
              </button>
            </li>
          ))}
        </ul>
      )}
    </form>
  );
}
