/** One address: the door, and what is behind it. */

import { useComputed, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { Rig } from "../network/rig";
import { inside } from "../state/session";
import { stayAwakeWhile } from "./awake";
import { CallLights } from "./call-lights";
import { Console } from "./console";
import { Ears } from "./ears";
import { Lobby } from "./lobby";
import { listenToMediaKeys } from "./media-keys";
import { choices, stayAwake } from "./remember";
import { RigContext } from "./rig-context";

export function RoomPage({ room }: { room: string }) {
  const rig = useMemo(() => new Rig(room, choices), [room]);
  useEffect(() => () => rig.dispose(), [rig]);
  const isInside = useComputed(() => inside(rig.selected.value.store.session.value));
  useSignalEffect(() => {
    if (isInside.value && stayAwake.value) return stayAwakeWhile();
  });
  useSignalEffect(() => {
    if (isInside.value) return listenToMediaKeys(rig.selected.value.store);
  });
  // Another device or other cleaning: an open microphone is changed at once.
  useSignalEffect(() => {
    void choices.microphone.value;
    void rig.changeMicrophone();
  });
  const { store, session } = rig.selected.value;
  return (
    <RigContext.Provider value={rig}>
      {isInside.value ? <Console key={store.room} store={store} session={session} /> : <Lobby store={store} />}
      <CallLights rig={rig} />
      <Ears rig={rig} />
    </RigContext.Provider>
  );
}
