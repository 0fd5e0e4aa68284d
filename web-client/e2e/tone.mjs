/** Tones: as a file that the fake microphone plays, and as a level in what a page hears. */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const RATE = 48_000;

/** A folder with a WAV file for each tone, and a function that removes it. `dbfs`: of the sine. */
export async function toneFiles(frequencies, dbfs) {
  const folder = await mkdtemp(join(tmpdir(), "mixminus-e2e-"));
  const files = new Map();
  for (const frequency of frequencies) {
    const path = join(folder, `${frequency}.wav`);
    await writeFile(path, wav(frequency, dbfs));
    files.set(frequency, path);
  }
  return { files, remove: () => rm(folder, { recursive: true }) };
}

/** Whole seconds, so that a whole number of waves fits and the loop has no seam. 16-bit mono. */
export function wav(frequency, dbfs, seconds = 1) {
  const data = Buffer.alloc(44 + RATE * 2 * seconds);
  data.write("RIFF", 0);
  data.writeUInt32LE(36 + RATE * 2 * seconds, 4);
  data.write("WAVEfmt ", 8);
  data.writeUInt32LE(16, 16);
  data.writeUInt16LE(1, 20);
  data.writeUInt16LE(1, 22);
  data.writeUInt32LE(RATE, 24);
  data.writeUInt32LE(RATE * 2, 28);
  data.writeUInt16LE(2, 32);
  data.writeUInt16LE(16, 34);
  data.write("data", 36);
  data.writeUInt32LE(RATE * 2 * seconds, 40);
  const amplitude = 32767 * 10 ** (dbfs / 20);
  for (let i = 0; i < RATE * seconds; i += 1) {
    data.writeInt16LE(Math.round(amplitude * Math.sin((2 * Math.PI * frequency * i) / RATE)), 44 + i * 2);
  }
  return data;
}

/** A WAV file of some seconds whose picture swells and falls, 16-bit mono. */
export function music(seconds = 20) {
  const file = wav(440, -6, seconds);
  for (let i = 0; i < RATE * seconds; i += 1) {
    const swell = 0.15 + 0.85 * Math.abs(Math.sin((i / RATE) * 0.9) * Math.sin((i / RATE) * 7.3));
    file.writeInt16LE(Math.round(file.readInt16LE(44 + i * 2) * swell), 44 + i * 2);
  }
  return file;
}

/**
 * The levels of these tones in what the page hears now, dBFS of the sine, in each ear:
 * `[{ left, right }]`. Listens for a third of a second and gives the median of its eighths: a gap that a busy machine
 * makes is not the level.
 */
export function heard(page, frequencies) {
  return page.evaluate(async (frequencies) => {
    // One ear for the life of the stream: a new one would start with silence.
    const stream = document.querySelector("audio").srcObject;
    if (window.ear?.stream !== stream) {
      await window.ear?.context.close();
      const context = new AudioContext({ sampleRate: 48_000 });
      const source = context.createMediaStreamSource(stream);
      const splitter = new ChannelSplitterNode(context, { numberOfOutputs: 2 });
      const analysers = [0, 1].map((channel) => {
        const analyser = new AnalyserNode(context, { fftSize: 16_384 });
        splitter.connect(analyser, channel);
        return analyser;
      });
      source.connect(splitter);
      window.ear = { stream, context, analysers, source, splitter };
    }
    await new Promise((next) => setTimeout(next, 400));
    const levels = window.ear.analysers.map((analyser) => {
      const all = new Float32Array(analyser.fftSize);
      analyser.getFloatTimeDomainData(all);
      const size = all.length / 8;
      return frequencies.map((frequency) => {
        const pieces = Array.from({ length: 8 }, (_, piece) => {
          let [re, im, weight] = [0, 0, 0];
          all.subarray(piece * size, (piece + 1) * size).forEach((sample, i) => {
            const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / size);
            const phase = (2 * Math.PI * frequency * i) / 48_000;
            re += sample * window * Math.cos(phase);
            im += sample * window * Math.sin(phase);
            weight += window;
          });
          return 20 * Math.log10(Math.max((2 * Math.hypot(re, im)) / weight, 1e-9));
        });
        return pieces.sort((a, b) => a - b)[4];
      });
    });
    return frequencies.map((_, i) => ({ left: levels[0][i], right: levels[1][i] }));
  }, frequencies);
}
