/** The main path in Firefox ESR, in a room with Chromium: join, talk, hear, move a fader. */

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { come, launch } from "./browser.mjs";
import { hears, silent, soon } from "./ears.mjs";
import { Firefox } from "./firefox.mjs";
import { Server } from "./server.mjs";
import { heard, toneFiles } from "./tone.mjs";

/** Anna sits at Firefox, Ben at Chromium; each one's voice is a tone. Firefox's fake microphone is fixed at −20 dBFS. */
const ANNA = 300;
const BEN = 1000;
const VOICE_DBFS = -20;
const TOLERANCE_DB = 1.5;

/** Where things are on the page: role and name. */
const NAME = ["textbox", "Your name"];
const JOIN = ["button", "Join and talk"];
const TALK = ["button", "Hold to talk"];
const strip = (name) => ["article", `Strip of ${name}`];
const gain = (name) => ["slider", `Gain of ${name}`];

const server = new Server();
let tones;
let firefox;
let chromium;
before(async () => {
  await server.start();
  tones = await toneFiles([BEN], VOICE_DBFS);
  firefox = await Firefox.launch({ tone: ANNA });
  chromium = await launch({ microphone: tones.files.get(BEN) });
});
after(async () => {
  await Promise.all([firefox?.close(), chromium?.close()]);
  await server.stop();
  await tones?.remove();
});

async function together(room) {
  const [anna, ben] = await Promise.all([comeByFirefox(room, "Anna"), come(chromium, server.url, room, "Ben")]);
  await anna.one(...strip("Ben"));
  await ben.getByRole("article", { name: "Strip of Anna" }).waitFor();
  return { anna, ben };
}

async function comeByFirefox(room, name) {
  const page = await firefox.open(`${server.url}/room/${room}`);
  await page.click(...NAME);
  await page.type(name);
  await page.click(...JOIN);
  // The key can be pressed once sound can pass.
  await page.one(...TALK);
  return page;
}

async function leave({ anna, ben }) {
  assert.deepEqual([...anna.complaints, ...ben.complaints], []);
  await Promise.all([anna.close(), ben.context().close()]);
}

const hear = (page, tone, dbfs, not) => soon(() => hears(page, tone, dbfs, not, TOLERANCE_DB));
const hearNothing = (page, tone) => soon(async () => silent((await heard(page, [tone]))[0].left, `${tone} Hz`));

async function gainDb(room, name) {
  const { tracks } = (await server.rooms()).find((r) => r.room === room);
  return tracks.find((track) => track.name === name).gain_db;
}

/** Two steps down by key in Firefox, and what the desk has then. */
async function turnDown(page, room, name) {
  let before = await gainDb(room, name);
  for (const _ of [1, 2]) {
    await page.press(...gain(name), "PageDown");
    before = await soon(async () => {
      const now = await gainDb(room, name);
      assert.ok(now < before, `gain of ${name}: ${now} dB, not below ${before}`);
      return now;
    });
  }
  await soon(async () => assert.ok((await page.attribute(...gain(name), "aria-valuetext")).startsWith(`−${(-before).toFixed(1)} `)));
  assert.ok(before <= -2 * TOLERANCE_DB, `two steps are ${before} dB`);
  return before;
}

test("Firefox is heard while the talk key is held, hears the other, and never itself", async () => {
  const { anna, ben } = await together("firefox-talk");
  await hearNothing(ben, ANNA);
  await anna.hold(...TALK);
  await ben.keyboard.down("Space");
  await hear(ben, ANNA, VOICE_DBFS, BEN);
  await hear(anna, BEN, VOICE_DBFS, ANNA);
  assert.equal(await anna.evaluate(() => document.querySelector("audio").paused), false, "the mix is not played");
  await anna.letGo();
  await hearNothing(ben, ANNA);
  await hear(anna, BEN, VOICE_DBFS, ANNA);
  await ben.keyboard.up("Space");
  await hearNothing(anna, BEN);
  await leave({ anna, ben });
});

test("the space bar opens the microphone in Firefox and closes it again", async () => {
  const { anna, ben } = await together("firefox-key");
  await hearNothing(ben, ANNA);
  await anna.keyDown("Space");
  await hear(ben, ANNA, VOICE_DBFS, BEN);
  await anna.keyUp("Space");
  await hearNothing(ben, ANNA);
  await leave({ anna, ben });
});

test("a fader moved by key in Firefox is heard there and in the other browser", async () => {
  const room = "firefox-desk";
  const { anna, ben } = await together(room);
  await ben.keyboard.down("Space");
  await hear(anna, BEN, VOICE_DBFS, ANNA);
  await hear(anna, BEN, VOICE_DBFS + (await turnDown(anna, room, "Ben")), ANNA);
  await ben.keyboard.up("Space");
  await hearNothing(anna, BEN);

  const down = await turnDown(anna, room, "Anna");
  await anna.hold(...TALK);
  await hear(ben, ANNA, VOICE_DBFS + down, BEN);
  await anna.letGo();
  await hearNothing(ben, ANNA);
  await leave({ anna, ben });
});
