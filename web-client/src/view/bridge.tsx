/** The meter bridge over the strips: loudness, and the spectrum of what one hears. */

import { useEffect, useRef } from "preact/hooks";
import { GRAPH_BOTTOM_LUFS, GRAPH_TOP_LUFS, TARGET_LUFS } from "../state/loudness";
import { columnBins, follow, frequencyToPosition, GRID_DB, GRID_HZ, levelToHeight } from "../state/spectrum";
import type { RoomStore } from "../state/store";
import type { MasterFeed } from "./master-feed";
import type { Box, Draw, MeterCanvas } from "./meter-canvas";
import { Hearing } from "./hearing";

const COLUMN_PX = 3;

export function Loudness({ feed, canvas }: { feed: MasterFeed; canvas: MeterCanvas }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (place.current === null) return;
    return canvas.addDrawing(place.current, loudnessGraph(feed));
  }, [feed, canvas]);
  return (
    <section class="card loudness" aria-label="Loudness of the mix">
      <h2>
        Loudness <small>LUFS</small>
      </h2>
      <dl>
        <div title="Momentary: the last 400 ms (EBU R128)">
          <dt>M</dt>
          <dd>{feed.momentary}</dd>
        </div>
        <div title="Short-term: the last 3 s">
          <dt>S</dt>
          <dd>{feed.shortTerm}</dd>
        </div>
        <div title="Integrated: since somebody began to look, gated">
          <dt>I</dt>
          <dd>{feed.integrated}</dd>
        </div>
      </dl>
      <figure class="graph" aria-label="Short-term loudness of the last minute">
        <div class="graph-place" ref={place} />
        {[-12, TARGET_LUFS, -36].map((lufs) => (
          <i key={lufs} class={lufs === TARGET_LUFS ? "grid-y target" : "grid-y"} style={{ bottom: `${((lufs - GRAPH_BOTTOM_LUFS) / (GRAPH_TOP_LUFS - GRAPH_BOTTOM_LUFS)) * 100}%` }}>
            <span>{`−${-lufs}`}</span>
          </i>
        ))}
        <span class="corner past">60 s ago</span>
        <span class="corner now-end">now</span>
      </figure>
    </section>
  );
}

function loudnessGraph(feed: MasterFeed): Draw {
  let line = new Path2D();
  let area = new Path2D();
  let drawn = "";
  return ({ ink, box, colours, now }) => {
    // It creeps on five times a second: between them the paths are the same.
    const wanted = `${feed.trace.count} ${box.x} ${box.y} ${box.width} ${box.height}`;
    if (wanted !== drawn) [line, area] = loudnessPaths(feed, box, now);
    drawn = wanted;
    ink.fillStyle = colours.ok;
    ink.globalAlpha = 0.16;
    ink.fill(area);
    ink.globalAlpha = 1;
    ink.lineWidth = 1.5;
    ink.strokeStyle = colours.ok;
    ink.stroke(line);
    return false;
  };
}

/** The line, and what is below it. Where there was no loudness there is neither. */
function loudnessPaths(feed: MasterFeed, box: Box, now: number): [Path2D, Path2D] {
  const line = new Path2D();
  const area = new Path2D();
  const bottom = box.y + box.height;
  let last: number | null = null;
  for (const { x, y } of feed.trace.points(now)) {
    const at = box.x + x * box.width;
    if (y === null) {
      if (last !== null) area.lineTo(last, bottom);
      last = null;
      continue;
    }
    const top = box.y + (1 - y) * box.height;
    if (last === null) {
      line.moveTo(at, top);
      area.moveTo(at, bottom);
    } else {
      line.lineTo(at, top);
    }
    area.lineTo(at, top);
    last = at;
  }
  if (last !== null) area.lineTo(last, bottom);
  return [line, area];
}

/** What arrives at this browser, before its own volume. */
export function Spectrum({ store, canvas }: { store: RoomStore; canvas: MeterCanvas }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (place.current === null) return;
    const hearing = new Hearing(store);
    const remove = canvas.addDrawing(place.current, spectrumGraph(hearing));
    return () => {
      remove();
      hearing.dispose();
    };
  }, [store, canvas]);
  return (
    <section class="card spectrum" aria-label="What you hear">
      <h2>
        What you hear <small>dBFS</small>
      </h2>
      <figure class="graph" aria-label="Spectrum of what you hear">
        <div class="graph-place" ref={place} />
        {GRID_DB.map((db) => (
          <i key={db} class="grid-y" style={{ bottom: `${levelToHeight(db) * 100}%` }}>
            <span>{`−${-db}`}</span>
          </i>
        ))}
        {GRID_HZ.map((hz) => (
          <i key={hz} class="grid-x" style={{ left: `${frequencyToPosition(hz) * 100}%` }}>
            <span>{hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz`}</span>
          </i>
        ))}
      </figure>
    </section>
  );
}

function spectrumGraph(hearing: Hearing): Draw {
  let shown = new Float32Array(0);
  let columns: ReturnType<typeof columnBins> = [];
  let width = 0;
  return ({ ink, box, colours, elapsed }) => {
    const bins = hearing.bins();
    if (bins === null) return false;
    if (box.width !== width || columns.length === 0) {
      width = box.width;
      columns = columnBins(Math.max(1, Math.floor(width / COLUMN_PX)), hearing.binHz);
      shown = new Float32Array(columns.length).fill(-90);
    }
    const any = follow(shown, bins, columns, elapsed);
    if (!any) return false;
    ink.fillStyle = colours.hear;
    const step = box.width / columns.length;
    ink.beginPath();
    shown.forEach((db, i) => {
      const height = levelToHeight(db) * box.height;
      if (height > 0.5) ink.rect(box.x + i * step, box.y + box.height - height, step - 1, height);
    });
    ink.fill();
    return true;
  };
}

