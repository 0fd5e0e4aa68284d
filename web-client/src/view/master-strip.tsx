/** The strip of the mix of all: fader, level, and how far the limiter pulls it down. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { gainText } from "../state/fader";
import { Meters } from "../state/meter";
import { parseGain } from "../state/typed";
import { Fader, FaderScale } from "./fader";
import type { MasterFeed } from "./master-feed";
import { MeterSlot } from "./meter-slot";
import type { Shared } from "./strip";
import { Typed } from "./typed";
import { useHeld } from "./use-held";

/** What everybody hears stays under this true peak (ITU-R BS.1770). */
const CEILING = "−1 dBTP";

/** The whole way of the reduction meter, dB. */
const REDUCTION_DB = 20;

export function MasterStrip({ master, feed, store, desk, canvas }: Shared & { master: number; feed: MasterFeed }) {
  const strip = useRef<HTMLElement>(null);
  const disabled = !store.live.value;
  const typing = useSignal<string | null>(null);
  const db = useHeld<number>(store, "", "master_gain_db").value ?? master;
  const set = (value: number) => desk.set("", "master_gain_db", value);
  return (
    <article ref={strip} class="strip master" aria-label="Master strip">
      <header class="strip-head">
        <h3>Master</h3>
      </header>
      <div class="lamp-row">
        <p class="lamp">mix of all</p>
      </div>
      <p class="pan master-peak" title="The largest sample of the last half second, dBFS">
        <span>
          peak <b>{feed.peakText}</b>
        </span>
      </p>
      <div class="column">
        <FaderScale />
        <Fader
          label="Master gain"
          db={db}
          disabled={disabled}
          move={(value) => desk.move("", "master_gain_db", value)}
          release={() => desk.release("", "master_gain_db")}
          set={set}
          type={(text) => (typing.value = text)}
        />
        <MeterSlot meter={Meters.MASTER} label="Level of the mix" store={store} canvas={canvas} />
        <Reduction feed={feed} canvas={canvas} />
      </div>
      <Typed label="Master gain" text={gainText(db)} class={db <= -60 ? "db off" : "db"} disabled={disabled} parse={parseGain} set={set} typing={typing} back={() => strip.current?.querySelector<HTMLElement>(".fader input")} />
      <div class="keys" />
      <p class="foot reduction-figure" title={`The most by which the limiter has pulled the mix down in the last half second, so that no true peak is over ${CEILING}`}>
        limiter <small>{CEILING}</small> <b>{feed.reductionText}</b>
      </p>
    </article>
  );
}

/** Hangs from the top: the longer, the more the limiter takes. */
function Reduction({ feed, canvas }: { feed: MasterFeed; canvas: Shared["canvas"] }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (place.current === null) return;
    return canvas.addDrawing(place.current, ({ ink, box, colours, elapsed }) => {
      const db = feed.reduction(elapsed);
      if (db <= 0.05) return false;
      ink.fillStyle = colours.warn;
      ink.fillRect(box.x, box.y, box.width, Math.min(db / REDUCTION_DB, 1) * box.height);
      return true;
    });
  }, [feed, canvas]);
  return (
    <div class="meter reduction">
      <div class="meter-well" ref={place} />
    </div>
  );
}
