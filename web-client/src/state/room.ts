/** A room as its subscribers see it: a snapshot, then patches with consecutive versions. */

import type { Change, RoomState, ServerMessage, TrackState } from "../network/wire";

export interface RoomView {
  readonly version: number;
  readonly room: RoomState;
}

export interface Received {
  readonly view: RoomView | null;
  /** A version is missing: only a new snapshot helps. */
  readonly resubscribe: boolean;
}

/**
 * What one message makes of the view. Tracks that a patch does not touch keep their identity, so
 * that a strip knows it need not draw itself again.
 */
export function receive(view: RoomView | null, message: ServerMessage): Received {
  if (message.type === "snapshot") {
    return { view: { version: message.version, room: message.state }, resubscribe: false };
  }
  if (message.type !== "patch") return { view, resubscribe: false };
  if (view === null) return { view, resubscribe: true };
  if (message.version <= view.version) return { view, resubscribe: false };
  if (message.version > view.version + 1) return { view, resubscribe: true };
  return {
    view: { version: message.version, room: message.changes.reduce(change, view.room) },
    resubscribe: false,
  };
}

function change(room: RoomState, it: Change): RoomState {
  switch (it.change) {
    case "room": {
      const { change: _, ...settings } = it;
      return { ...room, ...settings };
    }
    case "floor":
      return { ...room, floor: it.floor };
    case "listeners":
      return { ...room, listeners: it.listeners };
    case "joined":
      return { ...room, tracks: [...room.tracks.filter((t) => t.id !== it.track.id), it.track] };
    case "left":
      return { ...room, tracks: room.tracks.filter((t) => t.id !== it.id) };
    case "talking":
      return withTrack(room, it.id, { talking: it.talking });
    case "track": {
      const { change: _, id, ...strip } = it;
      return withTrack(room, id, strip);
    }
    default:
      // A newer server may know changes that this client does not.
      return room;
  }
}

function withTrack(room: RoomState, id: string, patch: Partial<TrackState>): RoomState {
  return { ...room, tracks: room.tracks.map((t) => (t.id === id ? { ...t, ...patch } : t)) };
}

/** The names of those who talk now, own track left out. */
export function talkers(room: RoomState, own: string | null): string[] {
  return room.tracks.filter((t) => t.talking && t.id !== own).map((t) => t.name);
}
