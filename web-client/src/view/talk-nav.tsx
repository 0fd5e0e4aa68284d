/** What the thumb reaches below the button: call, and three sheets. */

import { useSignal } from "@preact/signals";
import type { RoomSession } from "../network/session";
import type { RoomStore } from "../state/store";
import { ChannelSheet } from "./channel-sheet";
import { Icon, type IconName } from "./icons";
import { People } from "./people";
import { useRig } from "./rig-context";
import { Sheet } from "./sheet";
import { SoundSheet } from "./sound-sheet";
import { useCall } from "./use-call";

interface Props {
  store: RoomStore;
  session: RoomSession;
}

export function TalkNav({ store, session }: Props) {
  const rig = useRig();
  const channels = useSignal(false);
  const people = useSignal(false);
  const sound = useSignal(false);
  const { call, said, waiting } = useCall(session);
  const missed = rig.missed.value;
  const here = store.view.value?.room.tracks.length ?? 0;
  return (
    <>
      <nav class="talk-nav" aria-label="Walkie-talkie">
        <Tab
          icon="bell"
          label={waiting ? "Called" : "Call"}
          more=" everybody here"
          disabled={!store.live.value || waiting}
          press={() => void call(undefined, "Everybody here")}
        />
        <Tab
          icon="channels"
          label="Channels"
          badge={missed}
          press={() => (channels.value = true)}
        />
        <Tab icon="people" label="People" figure={here} press={() => (people.value = true)} />
        <Tab icon="settings" label="Sound" press={() => (sound.value = true)} />
      </nav>
      <p class="sr" role="status" aria-label="Call light">
        {said}
      </p>
      <Sheet title="Channels" open={channels}>
        <ChannelSheet />
      </Sheet>
      <Sheet title="People" open={people}>
        <People store={store} session={session} />
      </Sheet>
      <Sheet title="Sound" open={sound}>
        <SoundSheet store={store} />
      </Sheet>
    </>
  );
}

interface TabProps {
  icon: IconName;
  label: string;
  /** For screen readers. */
  more?: string;
  figure?: number;
  badge?: number;
  disabled?: boolean;
  press: () => void;
}

function Tab({ icon, label, more = "", figure, badge = 0, disabled = false, press }: TabProps) {
  return (
    <button type="button" disabled={disabled} onClick={press}>
      <Icon name={icon} />
      <span>
        {label}
        {more !== "" && <span class="sr">{more}</span>}
        {figure !== undefined && ` ${figure}`}
      </span>
      {badge > 0 && (
        <b class="badge">
          {badge}
          <span class="sr"> missed</span>
        </b>
      )}
    </button>
  );
}
