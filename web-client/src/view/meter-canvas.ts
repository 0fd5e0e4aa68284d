/**
 * All that moves on the page by itself, drawn on one canvas that lies over it, outside the component
 * tree: meters, graphs, waveforms. Levels never touch the DOM, and a frame reads no layout: where the
 * places are is read again only when the DOM, the scroll or a size has changed. It sleeps while nothing
 * moves: it is woken by levels, by scrolling and by a change of size.
 */

import { AT_REST, HOT_DBFS, isAtRest, levelToPosition, move, WARN_DBFS, type Meter } from "../state/meter";
import type { RoomStore } from "../state/store";

/** Levels come 25 times a second; more than 60 frames show nothing more. */
const FRAME_MS = 15;

export interface Colours {
  readonly ok: string;
  readonly warn: string;
  readonly hot: string;
  readonly ink: string;
  readonly dim: string;
  readonly line: string;
  readonly hear: string;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** One frame of a drawing. */
export interface Frame {
  readonly ink: CanvasRenderingContext2D;
  readonly box: Box;
  readonly colours: Colours;
  readonly now: number;
  readonly elapsed: number;
}

/** Draws into its box; whether it moves and wants another frame. */
export type Draw = (frame: Frame) => boolean;

const NOWHERE: Box = { x: 0, y: 0, width: 0, height: 0 };

interface Slot {
  readonly place: HTMLElement;
  readonly draw: Draw;
  /** Null while it cannot be seen. */
  box: Box | null;
  /** What may be seen of it: where its scrolling frames overlap. */
  clip: Box;
  /** Not all of it may be seen. */
  cut: boolean;
}

export class MeterCanvas {
  readonly #canvas = document.createElement("canvas");
  readonly #ink: CanvasRenderingContext2D | null;
  readonly #store: RoomStore;
  readonly #microphoneLevel: () => number;
  readonly #slots = new Set<Slot>();
  readonly #stop = new AbortController();
  readonly #resized = new ResizeObserver(() => this.#moved());
  readonly #changed = new MutationObserver(() => this.#moved());
  #microphone = AT_REST;
  #colours: Colours | null = null;
  #frame = 0;
  /** Of three frames two are drawn: 40 a second look the same, and cost a third less. */
  #beat = 0;
  #last = 0;
  /** Where the places are is not known any more. */
  #stale = true;
  /** Where ink is: a frame wipes these places and not the whole window. */
  #inked: Box[] = [];

  constructor(store: RoomStore, microphoneLevel: () => number) {
    this.#store = store;
    this.#microphoneLevel = microphoneLevel;
    // Not in step with the page's own painting: a frame then costs the main thread a third less.
    this.#ink = this.#canvas.getContext("2d", { desynchronized: true });
    this.#canvas.className = "meters";
    this.#canvas.setAttribute("aria-hidden", "true");
    document.body.append(this.#canvas);
    store.meters.onheard = () => this.wake();
    const { signal } = this.#stop;
    this.#changed.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
    addEventListener("resize", () => this.#moved(), { signal });
    document.addEventListener("scroll", () => this.#moved(), { signal, capture: true, passive: true });
    document.addEventListener("visibilitychange", () => this.wake(), { signal });
    matchMedia("(prefers-color-scheme: light)").addEventListener(
      "change",
      () => {
        this.#colours = null;
        this.wake();
      },
      { signal },
    );
  }

  /** Draws a meter into this element until the returned function is called. */
  add(place: HTMLElement, read: () => Meter, flat: boolean): () => void {
    return this.addDrawing(place, (frame) => {
      const meter = read();
      if (isAtRest(meter)) return false;
      if (flat) lying(frame, meter);
      else standing(frame, meter);
      return true;
    });
  }

  /** Lets something draw into this element until the returned function is called. */
  addDrawing(place: HTMLElement, draw: Draw): () => void {
    const slot: Slot = { place, draw, box: null, clip: NOWHERE, cut: false };
    this.#slots.add(slot);
    this.#resized.observe(place);
    this.#moved();
    return () => {
      this.#slots.delete(slot);
      this.#resized.unobserve(place);
      this.wake();
    };
  }

  /** The own microphone, before the talk key. */
  microphone(): Meter {
    return this.#microphone;
  }

  wake(): void {
    if (this.#frame !== 0 || this.#stop.signal.aborted) return;
    this.#frame = requestAnimationFrame((now) => this.#draw(now));
  }

  dispose(): void {
    this.#stop.abort();
    this.#resized.disconnect();
    this.#changed.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#store.meters.onheard = null;
    this.#canvas.remove();
  }

  #moved(): void {
    this.#stale = true;
    this.wake();
  }

  #draw(time: number): void {
    this.#frame = 0;
    const now = Math.max(time, performance.now());
    this.#beat = (this.#beat + 1) % 3;
    if ((now - this.#last < FRAME_MS || this.#beat === 0) && !this.#stale) return this.wake();
    const hearing = this.#store.microphone.peek();
    const elapsed = Math.min(now - this.#last, 100);
    this.#last = now;
    this.#microphone = hearing ? move(this.#microphone, this.#microphoneLevel(), now, elapsed) : AT_REST;
    const moving = this.#store.meters.advance(now);
    this.#showClips();
    const drawn = this.#paint(now, elapsed);
    if (moving || hearing || drawn) this.wake();
  }

  #showClips(): void {
    const lit = this.#store.meters.clipped();
    const shown = this.#store.clipped.peek();
    if (lit.length !== shown.size || lit.some((key) => !shown.has(key))) this.#store.clipped.value = new Set(lit);
  }

  /** Whether any drawing moves. */
  #paint(now: number, elapsed: number): boolean {
    const ink = this.#ink;
    if (ink === null) return false;
    if (this.#stale) this.#look();
    for (const box of this.#inked) ink.clearRect(box.x - 1, box.y - 1, box.width + 2, box.height + 2);
    this.#inked = [];
    const colours = this.#readColours();
    let moving = false;
    for (const { box, clip, cut, draw } of this.#slots) {
      if (box === null) continue;
      if (cut) {
        ink.save();
        ink.beginPath();
        ink.rect(clip.x, clip.y, clip.width, clip.height);
        ink.clip();
      }
      if (draw({ ink, box, colours, now, elapsed })) moving = true;
      if (cut) ink.restore();
      this.#inked.push(clip);
    }
    return moving;
  }

  /** Reads where everything is: once after a change, all at once, so that it costs one layout. */
  #look(): void {
    this.#stale = false;
    const scale = Math.min(devicePixelRatio, 2);
    const { innerWidth: width, innerHeight: height } = window;
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.#canvas.width !== wide || this.#canvas.height !== high) {
      this.#canvas.width = wide;
      this.#canvas.height = high;
      this.#inked = [];
    }
    this.#ink?.setTransform(scale, 0, 0, scale, 0, 0);
    const frames = new Map<Element, Box>();
    for (const slot of this.#slots) {
      const box = slot.place.getBoundingClientRect();
      let clip: Box | null = overlap(box, { x: 0, y: 0, width, height });
      let around = slot.place.closest("[data-scrolls]");
      while (around !== null && clip !== null) {
        const frame = frames.get(around) ?? around.getBoundingClientRect();
        frames.set(around, frame);
        clip = overlap(clip, frame);
        around = around.parentElement?.closest("[data-scrolls]") ?? null;
      }
      slot.box = clip === null ? null : box;
      if (clip === null) continue;
      slot.clip = clip;
      slot.cut = clip.width < box.width || clip.height < box.height;
    }
  }

  #readColours(): Colours {
    if (this.#colours === null) {
      const style = getComputedStyle(document.documentElement);
      const read = (name: string) => style.getPropertyValue(name).trim();
      this.#colours = {
        ok: read("--meter-ok"),
        warn: read("--meter-warn"),
        hot: read("--meter-hot"),
        ink: read("--ink"),
        dim: read("--dim"),
        line: read("--line"),
        hear: read("--hear"),
      };
    }
    return this.#colours;
  }
}

/** What two boxes share; null if nothing. */
function overlap(one: Box, other: Box): Box | null {
  const x = Math.max(one.x, other.x);
  const y = Math.max(one.y, other.y);
  const width = Math.min(one.x + one.width, other.x + other.width) - x;
  const height = Math.min(one.y + one.height, other.y + other.height) - y;
  return width <= 0 || height <= 0 ? null : { x, y, width, height };
}

/** From the bottom to the top. */
function standing(frame: Frame, meter: Meter): void {
  const { box } = frame;
  bar(frame, meter, (from, to) => frame.ink.fillRect(box.x, box.y + box.height * (1 - to), box.width, box.height * (to - from)), box.height);
}

/** From left to right. */
function lying(frame: Frame, meter: Meter): void {
  const { box } = frame;
  bar(frame, meter, (from, to) => frame.ink.fillRect(box.x + box.width * from, box.y, box.width * (to - from), box.height), box.width);
}

/** The level, and a line at the peak. `fill` paints from one place of the way (0 to 1) to another. */
function bar({ ink, colours }: Frame, meter: Meter, fill: (from: number, to: number) => void, length: number): void {
  const warn = levelToPosition(WARN_DBFS);
  const hot = levelToPosition(HOT_DBFS);
  const end = levelToPosition(meter.level);
  const part = (from: number, to: number, colour: string) => {
    if (end <= from) return;
    ink.fillStyle = colour;
    fill(from, Math.min(end, to));
  };
  part(0, warn, colours.ok);
  part(warn, hot, colours.warn);
  part(hot, 1, colours.hot);
  const peak = levelToPosition(meter.peak);
  if (peak > 0.01) {
    ink.fillStyle = peak > hot ? colours.hot : peak > warn ? colours.warn : colours.ink;
    const line = 2 / length;
    const at = Math.min(peak, 1 - line / 2);
    fill(at - line / 2, at + line / 2);
  }
}
