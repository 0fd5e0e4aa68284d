/** Who may talk: the mode, who has the floor and who waits, and what the desk does about it. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useMemo } from "preact/hooks";
import type { Desk } from "../network/desk";
import type { FloorState, RoomState } from "../network/wire";
import { clock, ordinal } from "../state/desk-words";
import type { RoomStore } from "../state/store";
import { DeskIcon } from "./desk-icons";
import { Menu } from "./menu";
import { RoomSettings } from "./room-settings";

const TICK_MS = 250;

interface Props {
  room: RoomState;
  store: RoomStore;
  desk: Desk;
}

export function FloorPanel({ room, store, desk }: Props) {
  const disabled = !store.live.value;
  const floor = room.mode === "floor";
  return (
    <section class="card floor" aria-label="Floor">
      <div class="card-head">
        <h2>Who may talk</h2>
        <div class="modes" role="group" aria-label="Who may talk">
          <button type="button" aria-pressed={!floor} disabled={disabled} onClick={() => desk.set("", "mode", "open")}>
            Everybody
          </button>
          <button type="button" aria-pressed={floor} disabled={disabled} onClick={() => desk.set("", "mode", "floor")}>
            By the floor
          </button>
        </div>
        <Menu label="Settings of the room" face={<DeskIcon name="settings" />} class="more" disabled={disabled}>
          {() => <RoomSettings room={room} store={store} desk={desk} />}
        </Menu>
      </div>
      {floor && room.floor !== undefined ? (
        <Floor room={room} floor={room.floor} desk={desk} disabled={disabled} />
      ) : (
        <p class="quiet">All may talk at once. By the floor, {room.floor_holders === 1 ? "one talks" : `${room.floor_holders} talk`} at a time and others queue.</p>
      )}
    </section>
  );
}

function Floor({ room, floor, desk, disabled }: { room: RoomState; floor: FloorState; desk: Desk; disabled: boolean }) {
  const arrived = useMemo(() => performance.now(), [floor]);
  const now = useSignal(arrived);
  useSignalEffect(() => {
    const timer = setInterval(() => (now.value = performance.now()), TICK_MS);
    return () => clearInterval(timer);
  });
  const since = Math.max(0, now.value - arrived);
  const name = (id: string) => room.tracks.find((t) => t.id === id)?.name ?? "gone";
  const limit = room.floor_talk_ms;
  return (
    <>
      {floor.holders.length === 0 && floor.queue.length === 0 && <p class="quiet">The floor is free.</p>}
      <ul class="floor-list" data-scrolls tabIndex={floor.holders.length + floor.queue.length > 0 ? 0 : undefined} aria-label="Who has the floor and who waits">
        {floor.holders.map((holder) => {
          const left = holder.left_ms === undefined ? null : Math.max(0, holder.left_ms - since);
          return (
            <li key={holder.id} class={holder.revoked ? "holder over" : "holder"}>
              <span class="chip on">{holder.revoked ? "time over" : "has it"}</span>
              <span class="floor-name">{name(holder.id)}</span>
              <Priority of={holder.priority} />
              <span class="floor-time" title={left === null ? "Talks since" : "Time left"}>
                {clock(left ?? holder.held_ms + since)}
              </span>
              <button class="button small" type="button" disabled={disabled} aria-label={`Revoke the floor of ${name(holder.id)}`} onClick={() => void desk.floor(holder.id, "revoke")}>
                Revoke
              </button>
              {left !== null && limit > 0 && <i class="left" style={{ "--left": `${Math.min(left / limit, 1) * 100}%` }} />}
            </li>
          );
        })}
        {floor.queue.map((waiter, i) => (
          <li key={waiter.id} class="waiter">
            <span class="chip">{ordinal(i + 1)}</span>
            <span class="floor-name">{name(waiter.id)}</span>
            <Priority of={waiter.priority} />
            <span class="floor-time">waits {Math.floor((waiter.waited_ms + since) / 1000)} s</span>
            <button class="button small" type="button" disabled={disabled} aria-label={`Grant the floor to ${name(waiter.id)}`} onClick={() => void desk.floor(waiter.id, "grant")}>
              Grant
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}

function Priority({ of }: { of: number }) {
  return of === 0 ? <span /> : <span class="priority" title={`Priority ${of}`}>P{of}</span>;
}
