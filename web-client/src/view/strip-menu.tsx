/** What else one can do with a strip: rename, group, set it for oneself, give it the floor, take it out. */

import { useComputed, useSignal } from "@preact/signals";
import type { Desk } from "../network/desk";
import type { TrackState } from "../network/wire";
import { gainByKey, gainSpoken, gainText, tidyGain } from "../state/fader";
import { groupsOf, join } from "../state/groups";
import { wishFor } from "../state/mine";
import type { RoomStore } from "../state/store";
import { DeskIcon } from "./desk-icons";
import { Menu } from "./menu";
import { Switch } from "./switch";
import { useHeld } from "./use-held";

interface Props {
  track: TrackState;
  own: boolean;
  store: RoomStore;
  desk: Desk;
  disabled: boolean;
  rename: () => void;
}

export function StripMenu(props: Props) {
  const { track, disabled } = props;
  return (
    <Menu label={`Menu of ${track.name}`} face={<DeskIcon name="more" />} class="more" disabled={disabled}>
      {(close) => <Sheet {...props} close={close} />}
    </Menu>
  );
}

function Sheet({ track, own, store, desk, rename, close }: Props & { close: () => void }) {
  const { id, name } = track;
  const removing = useSignal(false);
  const room = store.view.value?.room;
  if (room === undefined) return null;
  const others = room.tracks.filter((t) => t.id !== id && (t.group === undefined || t.group === "" || t.group !== track.group));
  const group = (onto: string) => {
    desk.setAll(join(room.tracks, id, onto).map(({ id: member, group: value }) => ({ id: member, control: "group", value })));
    close();
  };
  const act = (what: () => void) => () => {
    close();
    what();
  };
  if (removing.value) {
    return (
      <div class="confirm">
        <p>
          Take <b>{name}</b> out of the room? {track.kind === "file" ? "The file stops." : "The connection ends; coming back is possible."}
        </p>
        <div class="confirm-keys">
          <button class="button small danger" type="button" onClick={act(() => desk.remove(id))}>
            Take out
          </button>
          <button class="button small" type="button" onClick={close}>
            Keep
          </button>
        </div>
      </div>
    );
  }
  const holds = room.floor?.holders.some((h) => h.id === id) === true;
  return (
    <>
      <p class="menu-title">{name}</p>
      <button class="item" type="button" onClick={act(rename)}>
        Rename <kbd>F2</kbd>
      </button>
      {room.mode === "floor" && track.bus === "voice" && (
        <button class="item" type="button" onClick={act(() => void desk.floor(id, holds ? "revoke" : "grant"))}>
          {holds ? "Take the floor back" : "Give the floor"}
        </button>
      )}
      {others.length > 0 && (
        <label class="item">
          Group with
          <select aria-label={`Group ${name} with`} value="" onChange={(event) => group(event.currentTarget.value)}>
            <option value="">…</option>
            {groupsOf(room.tracks)
              .filter((g) => g.name !== track.group)
              .map((g) => (
                <option key={`group ${g.name}`} value={g.members[0]?.id}>
                  group {g.name}
                </option>
              ))}
            {others
              .filter((t) => !t.group)
              .map((t) => (
                <option key={t.id} value={t.id}>
                  {t.name}
                </option>
              ))}
          </select>
        </label>
      )}
      {track.group && (
        <button class="item" type="button" onClick={act(() => desk.set(id, "group", ""))}>
          Take out of {track.group}
        </button>
      )}
      <Treatment track={track} store={store} desk={desk} />
      <OnlyForMe track={track} desk={desk} />
      {!own && (
        <button class="item bad" type="button" onClick={() => (removing.value = true)}>
          Take out of the room…
        </button>
      )}
    </>
  );
}

/** What is done to the sound before the fader, for everybody. */
function Treatment({ track, store, desk }: { track: TrackState; store: RoomStore; desk: Desk }) {
  const { id, name } = track;
  const autoGain = useHeld<boolean>(store, id, "auto_gain").value ?? track.auto_gain;
  const denoise = useHeld<boolean>(store, id, "denoise").value ?? track.denoise;
  const stats = useComputed(() => store.stats.value?.tracks[id]?.auto_gain_db).value;
  return (
    <fieldset class="only-me treatment">
      <legend>Sound</legend>
      <Switch label={`Auto gain of ${name}`} on={autoGain} toggle={(on) => desk.set(id, "auto_gain", on)} />
      {autoGain && stats !== undefined && <p class="treatment-now">adds {gainText(stats)} dB now</p>}
      <Switch label={`Reduce noise of ${name}`} on={denoise} toggle={(on) => desk.set(id, "denoise", on)} />
    </fieldset>
  );
}

/** The personal mix of one strip: on top of what the desk does, heard by nobody else. */
function OnlyForMe({ track, desk }: { track: TrackState; desk: Desk }) {
  const { id, name } = track;
  const wish = useComputed(() => wishFor(desk.personal.mix.value, id)).value;
  const plain = wish.gain_db === 0 && wish.pan === undefined && !wish.muted;
  return (
    <fieldset class="only-me">
      <legend>Only for me</legend>
      <label class="only-gain">
        <span>{gainText(wish.gain_db)} dB</span>
        <input
          type="range"
          class="volume"
          min={-60}
          max={20}
          step={0.5}
          value={wish.gain_db}
          aria-label={`My gain of ${name}`}
          aria-valuetext={gainSpoken(wish.gain_db)}
          style={{ "--filled": `${((wish.gain_db + 60) / 80) * 100}%` }}
          onKeyDown={(event) => {
            const wanted = gainByKey(event.key, wish.gain_db);
            if (wanted === null || event.metaKey || event.ctrlKey || event.altKey) return;
            event.preventDefault();
            desk.personal.moveGain(id, wanted);
          }}
          onInput={(event) => desk.personal.moveGain(id, tidyGain(event.currentTarget.valueAsNumber))}
          onDblClick={() => desk.personal.moveGain(id, 0)}
        />
      </label>
      <Switch label={`Mute ${name} for me`} on={wish.muted} toggle={(muted) => desk.personal.wish(id, { muted })} />
      {!plain && (
        <button class="item" type="button" onClick={() => desk.personal.wish(id, null)}>
          As at the desk
        </button>
      )}
    </fieldset>
  );
}
