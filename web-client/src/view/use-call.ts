/** The call light from this page: at most one in three seconds, and said to who pressed it. */

import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { RoomSession } from "../network/session";

const EVERY_MS = 3000;

interface Call {
  /** `to`: a track, or everybody; `who`: in words. */
  call: (to: string | undefined, who: string) => Promise<void>;
  said: string;
  waiting: boolean;
}

export function useCall(session: RoomSession): Call {
  const said = useSignal("");
  const waiting = useSignal(false);
  useEffect(() => {
    if (!waiting.value) return;
    const timer = setTimeout(() => {
      waiting.value = false;
    }, EVERY_MS);
    return () => clearTimeout(timer);
  }, [waiting.value]);
  const call = async (to: string | undefined, who: string) => {
    if (waiting.value) return;
    waiting.value = true;
    said.value = "";
    try {
      await session.alert(to);
      said.value = `${who} was called.`;
    } catch (error) {
      said.value = `The call did not go out: ${(error as Error).message}`;
    }
  };
  return { call, said: said.value, waiting: waiting.value };
}
