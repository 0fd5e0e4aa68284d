/** The channels at a glance; a tap talks into one. Drawn only where there are several. */

import type { Channel } from "../network/rig";
import { earText, loudness } from "../state/channels";
import { useRig } from "./rig-context";

export function ChannelRows() {
  const rig = useRig();
  const channels = rig.channels.value;
  if (channels.length < 2) return null;
  return (
    <ul class="channels" aria-label="Channels">
      {channels.map((channel) => (
        <li key={channel.store.room}>
          <ChannelRow channel={channel} selected={rig.selected.value === channel} select={() => rig.select(channel)} />
        </li>
      ))}
    </ul>
  );
}

interface RowProps {
  channel: Channel;
  selected: boolean;
  select: () => void;
}

function ChannelRow({ channel: { store }, selected, select }: RowProps) {
  const missed = store.missed.value;
  const talking = store.talkers.value;
  return (
    <button
      class="channel"
      type="button"
      aria-pressed={selected}
      data-here={store.live.value}
      data-talking={talking.length > 0}
      onClick={(event) => {
        // The rows are drawn anew with the channel's own room; the focus stays on this one.
        const room = store.room;
        const { detail } = event;
        select();
        if (detail === 0) requestAnimationFrame(() => document.querySelector<HTMLElement>(`[data-channel="${room}"]`)?.focus());
      }}
      data-channel={store.room}
    >
      <i class="dot" />
      <span class="channel-name">
        {store.room} <small>{presence(channelWords(store), selected)}</small>
      </span>
      <span class="figures">{loudness(store.ear.value) === 1 ? "" : earText(store.ear.value)}</span>
      {missed.count > 0 && (
        <b class="badge">
          {missed.count}
          <span class="sr"> missed</span>
        </b>
      )}
    </button>
  );
}

function presence(words: string, selected: boolean): string {
  return selected ? `${words} · you talk here` : words;
}

/** `Ines is talking`, `3 here`, `offline`. */
export function channelWords(store: Channel["store"]): string {
  const { at } = store.session.value;
  if (at === "ended" || at === "lobby") return "closed";
  if (at !== "live") return at === "joining" ? "joining" : "offline";
  const [first, ...more] = store.talkers.value;
  if (first !== undefined) return more.length === 0 ? `${first} is talking` : `${more.length + 1} are talking`;
  return `${store.view.value?.room.listeners ?? 0} here`;
}
