/** The place of a meter: the canvas draws into it; here is only the clip mark, which is a button. */

import { useComputed } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { RoomStore } from "../state/store";
import type { MeterCanvas } from "./meter-canvas";

interface Props {
  meter: string;
  label: string;
  store: RoomStore;
  canvas: MeterCanvas;
  /** Lies down, for a row. */
  flat?: boolean;
}

export function MeterSlot({ meter, label, store, canvas, flat = false }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const clipped = useComputed(() => store.clipped.value.has(meter));
  useEffect(() => {
    if (place.current === null) return;
    return canvas.add(place.current, () => store.meters.of(meter), flat);
  }, [canvas, store, meter, flat]);
  return (
    <div class={flat ? "meter flat" : "meter"}>
      <button
        class={clipped.value ? "clip on" : "clip"}
        type="button"
        aria-label={`${label}: touched full scale, clear the mark`}
        hidden={!clipped.value}
        onClick={() => {
          store.meters.clearClip(meter);
          store.clipped.value = new Set(store.meters.clipped());
        }}
      />
      <div class="meter-well" ref={place} />
    </div>
  );
}
