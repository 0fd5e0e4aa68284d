/** Every state of the talk button with the real server: what it says, and what the other side hears. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { come, launch } from "./browser.mjs";
import { Server } from "./server.mjs";
import { BLOCK_MS, listen, startTape, taped, toneSpan, waitForTone } from "./tape.mjs";
import { toneFiles } from "./tone.mjs";

/** Each person's voice is a tone; whole waves fit into 20 ms. */
const ANNA = 400;
const BEN = 1000;
const VOICE_DBFS = -20;
/** Nothing at all: no voice, and no hiss either. */
const SILENT_DBFS = -70;
const HALF_A_SECOND = 500 / BLOCK_MS;
const TAIL_MS = 150;
/** Between two words nothing is heard for so long: more than a stall of the machine takes out of one. */
const PAUSE = 400 / BLOCK_MS;
const PRESSES = 5;

const server = new Server();
let tones;
let browsers;
before(async () => {
  await server.start();
  tones = await toneFiles([ANNA, BEN], VOICE_DBFS);
  browsers = {
    anna: await launch({ microphone: tones.files.get(ANNA) }),
    ben: await launch({ microphone: tones.files.get(BEN) }),
  };
});
after(async () => {
  await Promise.all(Object.values(browsers ?? {}).map((browser) => browser.close()));
  await server.stop();
  await tones?.remove();
});

const api = async (method, path, body) => {
  const response = await fetch(server.url + path, {
    method,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  assert.ok(response.ok, `${method} ${path}: ${response.status}`);
};

/** Anna and Ben in a room with a floor; Ben's tape listens to Anna. */
async function together(room, settings = {}) {
  const [anna, ben] = await Promise.all([come(browsers.anna, server.url, room, "Anna"), come(browsers.ben, server.url, room, "Ben")]);
  await anna.getByRole("article", { name: "Strip of Ben" }).waitFor();
  const { mode = "floor" } = settings;
  await api("PATCH", `/api/rooms/${room}`, { mode, ...settings });
  const said = mode === "floor" ? "By the floor" : "Everybody";
  await Promise.all([anna, ben].map((page) => page.locator("[aria-pressed=true], [aria-checked=true]", { hasText: said }).waitFor()));
  await startTape(ben, ANNA);
  await startTape(anna, BEN);
  // When the key really went down and up, by the page's own clock, and all that the state has said.
  await anna.evaluate(() => {
    window.said = [];
    const note = () => window.said.push(document.querySelector("#talk-state")?.textContent ?? "");
    new MutationObserver(note).observe(document.body, { subtree: true, childList: true, characterData: true });
    for (const type of ["keydown", "keyup"]) addEventListener(type, (event) => event.repeat || (window[type] = event.timeStamp), true);
  });
  return { anna, ben, id: async (name) => (await server.rooms()).find((r) => r.room === room).tracks.find((t) => t.name === name).id };
}

const leave = (...pages) => Promise.all(pages.map((page) => page.context().close()));
const shows = (page, word) => page.locator("#talk-state").getByText(word).waitFor();
/** The state has said this since the page came, for however short a time. */
const hasShown = (page, word) => page.waitForFunction((word) => window.said.some((text) => text.includes(word)), word);
const down = (page) => page.keyboard.down("Space");
const up = (page) => page.keyboard.up("Space");

/** Half a second in which nothing is heard, by nobody. */
async function silence(page, what, blocks = HALF_A_SECOND) {
  const { all } = await listen(page, blocks);
  assert.ok(Math.max(...all) <= SILENT_DBFS, `${what}: ${Math.max(...all).toFixed(1)} dBFS`);
}

/** This page hears the tone at the level of the voice, for a tenth of a second on end. */
async function voice(page, what) {
  await page
    .waitForFunction((dbfs) => {
      const last = window.tape.tone.slice(-5);
      return last.length === 5 && last.every((level) => Math.abs(level - dbfs) < 1.5);
    }, VOICE_DBFS)
    .catch(async () => {
      const { tone } = await listen(page, 10);
      assert.fail(`${what}: ${tone.map((level) => level.toFixed(1)).join(" ")} dBFS`);
    });
}

test("idle: nothing is heard. Talking: heard whole from key-down to the tail. After it: silence, no hiss", async () => {
  const { anna, ben } = await together("whole");
  await shows(anna, "Hold to talk");
  await silence(ben, "idle");
  // A stall of the machine hurts one word; of several the middle one is whole.
  const more = [];
  let [heardMs, gapsMs] = [0, 0];
  for (let press = 1; press <= PRESSES; press += 1) {
    const from = await taped(ben);
    await down(anna);
    await shows(anna, "On the air");
    await voice(ben, "talking");
    await up(anna);
    await waitForTone(ben, false, PAUSE);
    const { ms, gapMs } = await toneSpan(ben, from);
    more.push(ms - (await anna.evaluate(() => window.keyup - window.keydown)) - TAIL_MS);
    heardMs += ms;
    gapsMs += gapMs;
    await shows(anna, "Hold to talk");
  }
  const figures = `longer than the press and its tail by ${more.map((ms) => ms.toFixed(0)).join(", ")} ms; ${gapsMs} of ${heardMs} ms were not heard`;
  console.log(`Words from key-down to the tail: ${figures}`);
  const middle = more.toSorted((a, b) => a - b)[(PRESSES - 1) / 2];
  assert.ok(middle >= -80 && middle <= 500, figures);
  assert.ok(gapsMs <= 0.15 * heardMs, figures);
  await silence(ben, "after key-up");
  await anna.getByText(/granted in \d+ ms/).waitFor();
  assert.deepEqual([...anna.complaints, ...ben.complaints], []);
  await leave(anna, ben);
});

test("listening to somebody: that is said, and that one is heard", async () => {
  const { anna, ben } = await together("listening");
  await down(ben);
  await shows(ben, "On the air");
  await shows(anna, "Listening");
  await shows(anna, "to Ben");
  await voice(anna, "listening");
  await up(ben);
  await shows(anna, "Hold to talk");
  await leave(anna, ben);
});

test("queued: nothing is heard until the floor is granted, and then at once", async () => {
  const { anna, ben } = await together("queued");
  await down(ben);
  await shows(ben, "On the air");
  await down(anna);
  await shows(anna, "Queued 1");
  await silence(ben, "queued");
  await up(ben);
  await shows(anna, "On the air");
  await voice(ben, "granted after the queue");
  await up(anna);
  await leave(anna, ben);
});

test("denied: the reason is said, and nothing is heard", async () => {
  const { anna, ben } = await together("denied", { floor_queue: 0 });
  await down(ben);
  await shows(ben, "On the air");
  const from = await taped(ben);
  await down(anna);
  await shows(anna, "Denied");
  await silence(ben, "denied");
  const { ms } = await toneSpan(ben, from, SILENT_DBFS);
  assert.equal(ms, 0);
  await up(anna);
  await leave(anna, ben);
});

test("time over: warned, heard until the grace ends, then cut off with the key still down", async () => {
  const { anna, ben } = await together("revoked", { floor_talk_ms: 2000, floor_warning_ms: 1000, floor_grace_ms: 1600 });
  const from = await taped(ben);
  await down(anna);
  await shows(anna, "On the air");
  await shows(anna, "Cut off");
  await hasShown(anna, "1 s left");
  await hasShown(anna, "Time is over");
  await waitForTone(ben, false, PAUSE);
  const { ms } = await toneSpan(ben, from);
  assert.ok(ms > 3200 && ms < 4600, `${ms} ms were heard`);
  await silence(ben, "cut off");
  await up(anna);
  await shows(anna, "Hold to talk");
  await down(anna);
  await voice(ben, "after a new press");
  await up(anna);
  await leave(anna, ben);
});

test("muted by the desk: that is said, nothing is heard, and again once it is taken back", async () => {
  const { anna, ben, id } = await together("muted", { mode: "open" });
  const track = `/api/rooms/muted/tracks/${await id("Anna")}`;
  await down(anna);
  await voice(ben, "before");
  await api("PATCH", track, { muted: true });
  await shows(anna, "Muted");
  await waitForTone(ben, false, PAUSE);
  await silence(ben, "muted");
  await api("PATCH", track, { muted: false });
  await shows(anna, "On the air");
  await voice(ben, "back");
  await up(anna);
  await leave(anna, ben);
});

test("offline: that is said, and who kept talking is heard again when the server is back", async () => {
  const { anna, ben } = await together("offline");
  await anna.getByRole("switch", { name: "Keep talking" }).click();
  await voice(ben, "before");
  await server.stop("SIGKILL");
  await shows(anna, "Offline");
  await server.start();
  await shows(anna, "On the air");
  await ben.getByText("connected", { exact: true }).waitFor();
  await startTape(ben, ANNA);
  await voice(ben, "after");
  await leave(anna, ben);
});

test("a tap keeps talking until the next one", async () => {
  const { anna, ben } = await together("latch");
  const button = anna.getByRole("button", { name: "Hold to talk" });
  await button.click();
  await voice(ben, "latched");
  await listen(ben, HALF_A_SECOND);
  await voice(ben, "still latched");
  await button.click();
  await waitForTone(ben, false, PAUSE);
  await silence(ben, "unlatched");
  await leave(anna, ben);
});

test("of several channels only the selected one hears, and the others are heard all the time", async () => {
  const { anna, ben } = await together("first", { mode: "open" });
  const carl = await come(browsers.ben, server.url, "second", "Carl");
  await anna.getByRole("button", { name: "Channels" }).click();
  await anna.getByRole("button", { name: "Add second" }).click();
  await anna.keyboard.press("Escape");
  await carl.getByRole("article", { name: "Strip of Anna" }).waitFor();
  await startTape(carl, ANNA);
  const row = (name) => anna.getByRole("list", { name: "Channels" }).getByRole("button", { name });
  await row("second").getByText("2 here").waitFor();

  await down(anna);
  await voice(ben, "first selected");
  await silence(carl, "second not selected");
  await up(anna);
  await waitForTone(ben, false, PAUSE);
  await row("second").click();
  await anna.getByRole("heading", { level: 1, name: "second" }).waitFor();
  await down(anna);
  await voice(carl, "second selected");
  await silence(ben, "first not selected");
  // What is not selected is heard on: Ben talks in the first room.
  await down(ben);
  await voice(anna, "the first room, in its own ear");
  await up(ben);
  await up(anna);
  await leave(anna, ben, carl);
});

test("two in an open room speak directly, and go back to the room when a third comes", async () => {
  const { anna, ben, id } = await together("direct", { mode: "open" });
  await anna.getByRole("switch", { name: "Keep talking" }).click();
  await voice(ben, "by the room");
  await anna.getByRole("button", { name: "Call directly" }).click();
  await Promise.all([anna, ben].map((page) => page.getByText(/^direct, \d+ ms$/).waitFor()));
  // The room's own stream falls silent: nothing is sent to it any more.
  await waitForTone(ben, false, PAUSE);
  const playing = () => ben.evaluate(() => [...document.querySelectorAll("audio")].map((audio) => audio.muted));
  assert.deepEqual(await playing(), [true, false]);
  const room = await id("Anna");
  assert.ok(room);
  await ben.evaluate(() => window.tape.context.close());
  await startTape(ben, ANNA, 1);
  await voice(ben, "directly");

  await startTape(ben, ANNA, 0);
  const carl = await come(browsers.ben, server.url, "direct", "Carl", "Just listen");
  await ben.getByText("Somebody came in: back in the room.").waitFor();
  assert.deepEqual(await playing(), [false, true]);
  await voice(ben, "back in the room");
  await startTape(carl, ANNA);
  await voice(carl, "the third");
  await leave(anna, ben, carl);
});

test("one person is turned down for one listener alone", async () => {
  const { anna, ben, id } = await together("wish", { mode: "open" });
  await anna.getByRole("switch", { name: "Keep talking" }).click();
  await voice(ben, "before");
  await ben.getByRole("button", { name: "People" }).click();
  await ben.getByRole("slider", { name: "Anna for me" }).fill("-12");
  await ben.waitForFunction(() => Math.abs(window.tape.tone.at(-1) + 32) < 1.5);
  await ben.getByRole("button", { name: "Silence Anna for me" }).click();
  await waitForTone(ben, false, PAUSE, SILENT_DBFS);
  assert.ok(await id("Anna"));
  await leave(anna, ben);
});
