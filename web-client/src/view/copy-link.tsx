import { useSignal } from "@preact/signals";
import { roomPath } from "../state/names";
import { Icon } from "./icons";

/** Puts the room's address on the clipboard, or shows it where there is none. */
export function CopyLink({ room }: { room: string }) {
  const said = useSignal<string | null>(null);
  const address = location.origin + roomPath(room);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(address);
      said.value = "Copied";
    } catch {
      said.value = address;
    }
    setTimeout(() => {
      said.value = null;
    }, 4000);
  };
  return (
    <button class={said.value === null ? "button small copy" : "button small copy said"} type="button" onClick={() => void copy()}>
      <Icon name="link" />
      <span aria-live="polite">{said.value ?? "Copy address"}</span>
    </button>
  );
}
