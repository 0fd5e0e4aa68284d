/** The small strip of a group: its fader moves all members by the same number of decibels. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { gainText } from "../state/fader";
import { groupGain, NOTHING_WANTED, type Group, type Wanted } from "../state/groups";
import { held } from "../state/holds";
import { AT_REST, type Meter } from "../state/meter";
import { parseGain } from "../state/typed";
import { DeskIcon } from "./desk-icons";
import { Fader, FaderScale } from "./fader";
import { walk } from "./head";
import { Menu } from "./menu";
import { RenameField } from "./rename";
import type { Shared } from "./strip";
import { Typed } from "./typed";

export function GroupStrip({ group, store, desk, canvas }: Shared & { group: Group }) {
  const { name, members } = group;
  const strip = useRef<HTMLElement>(null);
  const disabled = !store.live.value;
  const from = useRef<Wanted>(NOTHING_WANTED);
  const typing = useSignal<string | null>(null);
  const renaming = useSignal(false);
  const db = groupGain(desk.gainsOf(group));
  const holds = store.holds.value;
  const muted = members.every((t) => held(holds, t.id, "muted") ?? t.muted);
  const names = members.map((t) => t.name).join(", ");
  const all = (control: "muted" | "group", value: boolean | string) => desk.setAll(members.map(({ id }) => ({ id, control, value })));
  return (
    <article ref={strip} class={`strip vca in-group group-${group.colour}`} aria-label={`Group strip of ${name}`} data-strip={members[0]?.id}>
      <header class="strip-head">
        <h3>
          {renaming.value && !disabled ? (
            <RenameField what="group" name={name} editing={renaming} set={(value) => all("group", value)} />
          ) : (
            <button
              class="strip-name"
              type="button"
              data-head
              disabled={disabled}
              aria-label={`Name of the group ${name}: rename`}
              title={`${name}: double-click to rename`}
              onDblClick={() => (renaming.value = true)}
              onClick={(event) => {
                if (event.detail === 0) renaming.value = true;
              }}
              onKeyDown={(event) => {
                if (event.key === "F2") renaming.value = true;
                else if (!walk(event.currentTarget, event.key)) return;
                event.preventDefault();
              }}
            >
              {name}
            </button>
          )}
        </h3>
      </header>
      <div class="lamp-row">
        <p class="lamp">{members.length} strips</p>
        <Menu label={`Menu of the group ${name}`} face={<DeskIcon name="more" />} class="more" disabled={disabled}>
          {(close) => (
            <>
              <p class="menu-title">{name}</p>
              <button class="item" type="button" onClick={() => { close(); renaming.value = true; }}>
                Rename <kbd>F2</kbd>
              </button>
              <button class="item" type="button" onClick={() => { close(); all("group", ""); }}>
                Dissolve the group
              </button>
            </>
          )}
        </Menu>
      </div>
      <div class="pan" />
      <div class={muted ? "column muted" : "column"}>
        <FaderScale />
        <Fader
          label={`Gain of group ${name}`}
          db={db}
          disabled={disabled}
          begin={() => (from.current = desk.takeGroup(group))}
          move={(value) => desk.moveGroup(group, from.current, value)}
          release={() => desk.releaseGroup(group)}
          set={(value) => desk.setGroup(group, value)}
          type={(text) => (typing.value = text)}
        />
        <LoudestMeter group={group} store={store} canvas={canvas} />
      </div>
      <Typed label={`Gain of group ${name}`} text={gainText(db)} class="db" disabled={disabled} parse={parseGain} set={(value) => desk.setGroup(group, value)} typing={typing} back={() => strip.current?.querySelector<HTMLElement>(".fader input")} />
      <div class="keys">
        <button class="mute" type="button" aria-pressed={muted} aria-label={`Mute group ${name}`} disabled={disabled} onClick={() => all("muted", !muted)}>
          Mute
        </button>
      </div>
      <div class="foot">
        <p class="members" title={names}>
          {names}
        </p>
      </div>
    </article>
  );
}

/** The loudest of the members. */
function LoudestMeter({ group, store, canvas }: Pick<Shared, "store" | "canvas"> & { group: Group }) {
  const place = useRef<HTMLDivElement>(null);
  const ids = group.members.map((t) => t.id).join(" ");
  useEffect(() => {
    if (place.current === null) return;
    const members = ids.split(" ");
    const read = (): Meter => members.reduce((loudest, id) => louder(loudest, store.meters.of(id)), AT_REST);
    return canvas.add(place.current, read, false);
  }, [canvas, store, ids]);
  return (
    <div class="meter">
      <div class="meter-well" ref={place} />
    </div>
  );
}

function louder(one: Meter, other: Meter): Meter {
  return { ...one, level: Math.max(one.level, other.level), peak: Math.max(one.peak, other.peak) };
}
