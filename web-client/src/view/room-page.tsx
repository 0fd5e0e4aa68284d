/** One room: the door, and what is behind it. */

import { useComputed } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { RoomSession } from "../network/session";
import { inside } from "../state/session";
import { RoomStore } from "../state/store";
import { Console } from "./console";
import { Lobby } from "./lobby";

export function RoomPage({ room }: { room: string }) {
  const { store, session } = useMemo(() => {
    const made = new RoomStore(room);
    return { store: made, session: new RoomSession(made) };
  }, [room]);
  useEffect(() => () => session.dispose(), [session]);
  const isInside = useComputed(() => inside(store.session.value));
  return isInside.value ? <Console store={store} session={session} /> : <Lobby store={store} session={session} />;
}
