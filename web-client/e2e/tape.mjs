/** A tape that runs in a page's own audio thread: what it hears, 20 ms at a time, without a gap. */

export const BLOCK_MS = 20;

/** Starts to tape what comes in the `nth` audio element of the page, as levels of one tone and of all. */
export function startTape(page, hz, nth = 0) {
  return page.evaluate(
    async ({ hz, nth }) => {
      if (window.tape !== undefined && window.tape.context.state !== "closed") await window.tape.context.close();
      const context = new AudioContext({ sampleRate: 48_000 });
      const code = `registerProcessor("tape", class extends AudioWorkletProcessor {
        block = new Float32Array(960);
        at = 0;
        process([ears]) {
          const ear = ears[0];
          for (let i = 0; i < 128; i += 1) {
            this.block[this.at++] = ear === undefined ? 0 : ear[i];
            if (this.at < 960) continue;
            this.at = 0;
            let [re, im, sum] = [0, 0, 0];
            this.block.forEach((sample, k) => {
              const phase = (2 * Math.PI * ${hz} * k) / 48000;
              re += sample * Math.cos(phase);
              im += sample * Math.sin(phase);
              sum += sample * sample;
            });
            const db = (power) => 10 * Math.log10(Math.max(power, 1e-13));
            this.port.postMessage([db(4 * (re * re + im * im) / 960 ** 2), db(2 * sum / 960)]);
          }
          return true;
        }
      });`;
      await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
      const tape = new AudioWorkletNode(context, "tape");
      const stream = document.querySelectorAll("audio")[nth].srcObject;
      context.createMediaStreamSource(stream).connect(tape);
      const reel = { context, tape, stream, tone: [], all: [] };
      window.tape = reel;
      tape.port.onmessage = ({ data: [tone, all] }) => {
        reel.tone.push(tone);
        reel.all.push(all);
      };
    },
    { hz, nth },
  );
}

export const stopTape = (page) => page.evaluate(() => window.tape.context.close());

/** How many blocks are on the tape. */
export const taped = (page) => page.evaluate(() => window.tape.tone.length);

/** Waits until so many more blocks are on it, and gives them: `{ tone, all }`, dBFS of the sine. */
export async function listen(page, blocks, from = null) {
  const start = from ?? (await taped(page));
  await page.waitForFunction((end) => window.tape.tone.length >= end, start + blocks);
  return page.evaluate(([start, end]) => ({ tone: window.tape.tone.slice(start, end), all: window.tape.all.slice(start, end) }), [start, start + blocks]);
}

/** Waits until the tone is there, or is not, for so many blocks on end. */
export function waitForTone(page, there, blocks = 3, dbfs = -40) {
  return page.waitForFunction(
    ({ there, blocks, dbfs }) => {
      const last = window.tape.tone.slice(-blocks);
      return last.length === blocks && last.every((level) => level > dbfs === there);
    },
    { there, blocks, dbfs },
  );
}

/** From the first block with the tone to the last, ms, and how much of that is without it. */
export async function toneSpan(page, from, dbfs = -40) {
  const tone = await page.evaluate((from) => window.tape.tone.slice(from), from);
  const first = tone.findIndex((level) => level > dbfs);
  const last = tone.findLastIndex((level) => level > dbfs);
  if (first < 0) return { ms: 0, gapMs: 0 };
  const span = tone.slice(first, last + 1);
  return { ms: span.length * BLOCK_MS, gapMs: span.filter((level) => level <= dbfs).length * BLOCK_MS };
}
