/** The page's channels, for whatever is drawn inside a room. */

import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Rig } from "../network/rig";

export const RigContext = createContext<Rig | null>(null);

export function useRig(): Rig {
  const rig = useContext(RigContext);
  if (rig === null) throw new Error("a room is drawn inside its page");
  return rig;
}
