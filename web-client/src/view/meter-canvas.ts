/**
 * All meters of the page, drawn on one canvas that lies over it, outside the component tree.
 * Levels never touch the DOM. It sleeps while nothing moves: it is woken by levels, by scrolling
 * and by a change of size.
 */

import { AT_REST, HOT_DBFS, isAtRest, levelToPosition, move, WARN_DBFS, type Meter } from "../state/meter";
import type { RoomStore } from "../state/store";

interface Slot {
  place: HTMLElement;
  read: () => Meter;
  flat: boolean;
}

interface Colours {
  ok: string;
  warn: string;
  hot: string;
  peak: string;
}

export class MeterCanvas {
  readonly #canvas = document.createElement("canvas");
  readonly #ink: CanvasRenderingContext2D | null;
  readonly #store: RoomStore;
  readonly #microphoneLevel: () => number;
  readonly #slots = new Set<Slot>();
  readonly #stop = new AbortController();
  readonly #resized = new ResizeObserver(() => this.wake());
  #microphone = AT_REST;
  #colours: Colours | null = null;
  #frame = 0;
  #last = 0;
  /** Where ink is: a frame wipes these places and not the whole window. */
  #inked: DOMRect[] = [];

  constructor(store: RoomStore, microphoneLevel: () => number) {
    this.#store = store;
    this.#microphoneLevel = microphoneLevel;
    this.#ink = this.#canvas.getContext("2d");
    this.#canvas.className = "meters";
    this.#canvas.setAttribute("aria-hidden", "true");
    document.body.append(this.#canvas);
    store.meters.onheard = () => this.wake();
    const { signal } = this.#stop;
    addEventListener("resize", () => this.wake(), { signal });
    document.addEventListener("scroll", () => this.wake(), { signal, capture: true, passive: true });
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
    const slot: Slot = { place, read, flat };
    this.#slots.add(slot);
    this.#resized.observe(place);
    this.wake();
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
    cancelAnimationFrame(this.#frame);
    this.#store.meters.onheard = null;
    this.#canvas.remove();
  }

  #draw(time: number): void {
    this.#frame = 0;
    const now = Math.max(time, performance.now());
    const hearing = this.#store.microphone.peek();
    const elapsed = Math.min(now - this.#last, 100);
    this.#last = now;
    this.#microphone = hearing ? move(this.#microphone, this.#microphoneLevel(), now, elapsed) : AT_REST;
    const moving = this.#store.meters.advance(now);
    this.#showClips();
    this.#paint();
    if (moving || hearing || this.#inked.length > 0) this.wake();
  }

  #showClips(): void {
    const lit = this.#store.meters.clipped();
    const shown = this.#store.clipped.peek();
    if (lit.length !== shown.size || lit.some((key) => !shown.has(key))) this.#store.clipped.value = new Set(lit);
  }

  #paint(): void {
    const ink = this.#ink;
    if (ink === null) return;
    const scale = Math.min(devicePixelRatio, 2);
    const { innerWidth: width, innerHeight: height } = window;
    if (this.#canvas.width !== Math.round(width * scale) || this.#canvas.height !== Math.round(height * scale)) {
      this.#canvas.width = Math.round(width * scale);
      this.#canvas.height = Math.round(height * scale);
    }
    ink.setTransform(scale, 0, 0, scale, 0, 0);
    for (const box of this.#inked) ink.clearRect(box.x - 1, box.y - 1, box.width + 2, box.height + 2);
    this.#inked = [];
    for (const slot of this.#slots) {
      const meter = slot.read();
      if (isAtRest(meter)) continue;
      const box = slot.place.getBoundingClientRect();
      const frame = slot.place.closest("[data-scrolls]")?.getBoundingClientRect();
      if (box.width === 0 || box.right < 0 || box.left > width || box.bottom < 0 || box.top > height) continue;
      this.#inked.push(box);
      ink.save();
      if (frame !== undefined) {
        ink.beginPath();
        ink.rect(frame.left, frame.top, frame.width, frame.height);
        ink.clip();
      }
      if (slot.flat) this.#bar(ink, meter, box.left, box.top, box.width, box.height);
      else {
        // A standing meter is a lying one, turned by a quarter.
        ink.translate(box.left, box.bottom);
        ink.rotate(-Math.PI / 2);
        this.#bar(ink, meter, 0, 0, box.height, box.width);
      }
      ink.restore();
    }
  }

  /** A bar from left to right, `length` × `thick`. */
  #bar(ink: CanvasRenderingContext2D, meter: Meter, x: number, y: number, length: number, thick: number): void {
    const colours = this.#readColours();
    const warn = levelToPosition(WARN_DBFS);
    const hot = levelToPosition(HOT_DBFS);
    const end = levelToPosition(meter.level);
    const part = (from: number, to: number, colour: string) => {
      if (end <= from) return;
      ink.fillStyle = colour;
      ink.fillRect(x + from * length, y, (Math.min(end, to) - from) * length, thick);
    };
    ink.save();
    ink.beginPath();
    ink.roundRect(x, y, length, thick, Math.min(3, thick / 2));
    ink.clip();
    part(0, warn, colours.ok);
    part(warn, hot, colours.warn);
    part(hot, 1, colours.hot);
    const peak = levelToPosition(meter.peak);
    if (peak > 0.01) {
      ink.fillStyle = peak > hot ? colours.hot : peak > warn ? colours.warn : colours.peak;
      ink.fillRect(x + Math.min(peak * length, length - 2) - 1, y, 2, thick);
    }
    ink.restore();
  }

  #readColours(): Colours {
    if (this.#colours === null) {
      const style = getComputedStyle(document.documentElement);
      const read = (name: string) => style.getPropertyValue(name).trim();
      this.#colours = { ok: read("--meter-ok"), warn: read("--meter-warn"), hot: read("--meter-hot"), peak: read("--ink") };
    }
    return this.#colours;
  }
}
