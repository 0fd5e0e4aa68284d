/**
 * Two browsers in a room, for tests that are not written here: one says what is in a WAV file over and
 * over, the other listens and prints what it heard.
 *
 *     node conversation.mjs URL ROOM SAID.wav SECONDS
 *
 * Prints `talking` when the microphone is open, then one line of base64: what the second browser heard in
 * so many seconds, interleaved stereo 32-bit floats at 48 kHz. Stays in the room until standard input ends.
 */

import { come, launch } from "./browser.mjs";

const [url, room, said, seconds] = process.argv.slice(2);

/** Records what the page plays, in the page's own audio thread. */
function listen(page, seconds) {
  return page.evaluate(async (seconds) => {
    const context = new AudioContext({ sampleRate: 48_000 });
    const code = `registerProcessor("tape", class extends AudioWorkletProcessor {
      process([ears]) {
        if (ears.length > 0) this.port.postMessage([ears[0].slice(), (ears[1] ?? ears[0]).slice()]);
        return true;
      }
    });`;
    await context.audioWorklet.addModule(URL.createObjectURL(new Blob([code], { type: "text/javascript" })));
    const tape = new AudioWorkletNode(context, "tape", { channelCount: 2, channelCountMode: "explicit" });
    context.createMediaStreamSource(document.querySelector("audio").srcObject).connect(tape);
    const heard = new Float32Array(seconds * 48_000 * 2);
    let at = 0;
    await new Promise((full) => {
      tape.port.onmessage = ({ data: [left, right] }) => {
        for (let i = 0; i < left.length && at < heard.length; i += 1) {
          heard[at++] = left[i];
          heard[at++] = right[i];
        }
        if (at === heard.length) full();
      };
    });
    await context.close();
    let bytes = "";
    for (const byte of new Uint8Array(heard.buffer)) bytes += String.fromCharCode(byte);
    return btoa(bytes);
  }, seconds);
}

const browsers = await Promise.all([launch({ microphone: said }), launch()]);
try {
  const [talker, listener] = await Promise.all([
    come(browsers[0], url, room, "Anna"),
    come(browsers[1], url, room, "Ben", "Just listen"),
  ]);
  await talker.getByRole("switch", { name: "Keep talking" }).click();
  await listener.getByText("Anna is talking", { exact: true }).first().waitFor();
  console.log("talking");
  console.log(await listen(listener, Number(seconds)));
  await new Promise((ended) => process.stdin.on("end", ended).resume());
} finally {
  await Promise.all(browsers.map((browser) => browser.close()));
}
