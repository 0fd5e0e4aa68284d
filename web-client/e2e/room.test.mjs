/** Two people in two browsers and the real server: what each of them hears and sees. */

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { come as join, launch, open } from "./browser.mjs";
import { hears, near, silent, soon } from "./ears.mjs";
import { Line } from "./line.mjs";
import { Server } from "./server.mjs";
import { listen, startTape, taped, waitForTone } from "./tape.mjs";
import { heard, toneFiles } from "./tone.mjs";

/** Each person's voice is a tone. */
const ANNA = 440;
const BEN = 1000;
const VOICE_DBFS = -20;

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

const come = (browser, room, name, button, url = server.url) => join(browser, url, room, name, button);

async function together(room) {
  const [anna, ben] = await Promise.all([come(browsers.anna, room, "Anna"), come(browsers.ben, room, "Ben")]);
  await Promise.all([strip(anna, "Ben").waitFor(), strip(ben, "Anna").waitFor()]);
  return { anna, ben };
}

const leave = (...pages) => Promise.all(pages.map((page) => page.context().close()));
const strip = (page, name) => page.getByRole("article", { name: `Strip of ${name}` });
const ids = (rooms, name) => rooms.find((r) => r.room === name).tracks.map((t) => t.id);
const slider = (page, name) => page.getByRole("slider", { name });
const keepTalking = (page) => page.getByRole("switch", { name: "Keep talking" }).click();

/** A JWT (RFC 7519, HS256) that holds for a minute. */
function token(key, claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part({ ...claims, exp: Math.floor(Date.now() / 1000) + 60 })}`;
  return `${signed}.${createHmac("sha256", key).update(signed).digest("base64url")}`;
}

test("the server gives the page, at home and in a room", async () => {
  for (const path of ["/", "/room/any"]) {
    const response = await fetch(server.url + path);
    assert.equal(response.status, 200);
    assert.match(response.headers.get("content-type"), /^text\/html/);
    assert.match(await response.text(), /<div id="app">/);
  }
});

test("the first load is small", async (t) => {
  const page = await open(browsers.anna, `${server.url}/room/small`, {});
  await page.getByRole("button", { name: "Join and talk" }).waitFor();
  const { bytes, ms } = await page.evaluate(() => {
    const [navigation] = performance.getEntriesByType("navigation");
    const all = [navigation, ...performance.getEntriesByType("resource")].filter((entry) => !entry.name.includes("/api/"));
    return { bytes: all.reduce((sum, entry) => sum + entry.encodedBodySize, 0), ms: performance.getEntriesByType("paint").at(-1)?.startTime };
  });
  t.diagnostic(`${(bytes / 1000).toFixed(1)} kB on the wire, first content after ${ms?.toFixed(0)} ms`);
  assert.ok(bytes > 10_000 && bytes < 150_000, `${bytes} bytes`);
  await leave(page);
});

test("the home page shows the room and who is in it", async () => {
  const anna = await come(browsers.anna, "lobby", "Anna");
  const home = await open(browsers.ben, server.url);
  const card = home.getByRole("link", { name: /lobby/ });
  await card.getByText("Anna", { exact: true }).waitFor();
  await keepTalking(anna);
  await card.getByText("Anna is talking").waitFor();
  await leave(anna);
  await home.getByText("No room is open").waitFor();
  assert.deepEqual(home.complaints, []);
  await leave(home);
});

test("two browsers hear each other and never themselves", async () => {
  const { anna, ben } = await together("duet");
  await keepTalking(anna);
  await keepTalking(ben);
  await soon(() => hears(anna, BEN, VOICE_DBFS, ANNA));
  await soon(() => hears(ben, ANNA, VOICE_DBFS, BEN));
  await strip(anna, "Ben").getByText("talking").waitFor();
  await anna.getByText("Ben is talking", { exact: true }).first().waitFor();
  assert.deepEqual([...anna.complaints, ...ben.complaints], []);
  await leave(anna, ben);
});

test("the space bar opens the microphone and closes it again", async () => {
  const { anna, ben } = await together("key");
  await soon(async () => silent((await heard(ben, [ANNA]))[0].left, "before"));
  await anna.keyboard.down("Space");
  await soon(() => hears(ben, ANNA, VOICE_DBFS, BEN));
  await anna.keyboard.up("Space");
  await soon(async () => silent((await heard(ben, [ANNA]))[0].left, "after"));
  assert.deepEqual([...anna.complaints, ...ben.complaints], []);
  await leave(anna, ben);
});

test("who only listens hears, and needs no microphone", async () => {
  const anna = await come(browsers.anna, "listen", "Anna");
  const ben = await come(browsers.ben, "listen", "Ben", "Just listen");
  await keepTalking(anna);
  await soon(() => hears(ben, ANNA, VOICE_DBFS, BEN));
  const [room] = (await server.rooms()).filter((r) => r.room === "listen");
  assert.deepEqual(room.tracks.map((t) => t.name), ["Anna"]);
  assert.equal(room.listeners, 2);
  await leave(anna, ben);
});

test("a listener turns the microphone on and is heard", async () => {
  const anna = await come(browsers.anna, "later", "Anna");
  const ben = await come(browsers.ben, "later", "Ben", "Just listen");
  await ben.getByRole("button", { name: "Turn on the microphone" }).click();
  await strip(anna, "Ben").waitFor();
  await keepTalking(ben);
  await soon(() => hears(anna, BEN, VOICE_DBFS, ANNA));
  await leave(anna, ben);
});

test("a fader, the pan and mute moved in one page move in the other and in the ear", async () => {
  const { anna, ben } = await together("desk");
  await keepTalking(anna);
  await soon(() => hears(ben, ANNA, VOICE_DBFS, BEN));

  const gain = slider(anna, "Gain of Anna");
  await gain.press("PageDown");
  await gain.press("PageDown");
  await soon(async () => assert.equal(await slider(ben, "Gain of Anna").getAttribute("aria-valuetext"), "−6.0 dB"));
  await soon(() => hears(ben, ANNA, VOICE_DBFS - 6, BEN));

  await slider(anna, "Pan of Anna").press("Home");
  await soon(async () => assert.equal(await slider(ben, "Pan of Anna").getAttribute("aria-valuetext"), "100 % left"));
  await soon(async () => {
    const [voice] = await heard(ben, [ANNA]);
    near(voice.left, VOICE_DBFS - 3, "hard left, left");
    silent(voice.right, "hard left, right");
  });

  await slider(anna, "Pan of Anna").press("Delete");
  await slider(ben, "Master gain").press("PageUp");
  await soon(async () => assert.equal(await slider(anna, "Master gain").getAttribute("aria-valuetext"), "+3.0 dB"));
  await soon(() => hears(ben, ANNA, VOICE_DBFS - 3, BEN));

  await ben.getByRole("button", { name: "Mute Anna" }).click();
  await soon(async () => silent((await heard(ben, [ANNA]))[0].left, "muted"));
  await strip(anna, "Anna").getByText("Muted").waitFor();
  assert.deepEqual([...anna.complaints, ...ben.complaints], []);
  await leave(anna, ben);
});

test("a fader dragged by hand ends where the hand left it, in both pages", async () => {
  const { anna, ben } = await together("drag");
  const box = await slider(anna, "Gain of Ben").boundingBox();
  const x = box.x + box.width / 2;
  await anna.mouse.move(x, box.y + 50);
  await anna.mouse.down();
  for (let i = 0; i < 40; i += 1) await anna.mouse.move(x, box.y + 50 + i * 3);
  await anna.mouse.up();
  const left = await slider(anna, "Gain of Ben").getAttribute("aria-valuetext");
  assert.match(left, /^−\d/);
  await soon(async () => assert.equal(await slider(ben, "Gain of Ben").getAttribute("aria-valuetext"), left));
  await leave(anna, ben);
});

test("a page that closes is gone at once", async () => {
  const { anna, ben } = await together("leave");
  const start = Date.now();
  await ben.close();
  await soon(async () => assert.equal(await strip(anna, "Ben").count(), 0));
  // The time-out of ICE is eight seconds.
  assert.ok(Date.now() - start < 4000, `${Date.now() - start} ms`);
  await leave(anna, ben);
});

for (const signal of ["SIGKILL", "SIGTERM"]) {
  test(`after ${signal} and a new start of the server both are back by themselves`, async () => {
    const { anna, ben } = await together(`restart-${signal}`);
    await keepTalking(anna);
    await soon(() => hears(ben, ANNA, VOICE_DBFS, BEN));
    const code = await server.stop(signal);
    assert.equal(code, signal === "SIGTERM" ? 0 : null);
    await ben.getByText(/^Offline: next try in \d s\./).waitFor();
    await server.start();
    await Promise.all([anna, ben].map((page) => page.getByText("connected", { exact: true }).waitFor()));
    await soon(() => hears(ben, ANNA, VOICE_DBFS, BEN));
    await leave(anna, ben);
  });
}

test("while the desk's line is broken the sound goes on, and it mends with the same strip", async () => {
  const line = await new Line(server.url).start();
  const anna = await come(browsers.anna, "broken", "Anna");
  const ben = await come(browsers.ben, "broken", "Ben", "Just listen", line.url);
  await keepTalking(anna);
  await slider(ben, "Gain of Anna").press("PageDown");
  await soon(() => hears(ben, ANNA, VOICE_DBFS - 3, BEN));
  const before = await server.rooms();
  await startTape(ben, ANNA);
  await waitForTone(ben, true);
  const whole = await taped(ben);
  await listen(ben, 100, whole);
  const from = await taped(ben);
  await line.cut();
  await ben.getByText(/^Offline: next try in \d s\./).waitFor();
  await ben.getByText("Offline: next try in 2 s.").waitFor();
  await line.start();
  await ben.getByText("connected", { exact: true }).waitFor();
  // A machine that has no time plays neither well: what was heard before counts.
  const heardIn = async (begin, end) => {
    const { tone } = await listen(ben, end - begin, begin);
    return tone.filter((level) => Math.abs(level - (VOICE_DBFS - 3)) < 1.5).length / tone.length;
  };
  const [calm, during] = [await heardIn(whole, from), await heardIn(from, await taped(ben))];
  assert.ok(calm > 0.5 && during >= 0.8 * calm, `heard in ${during} of the pieces of 20 ms while the line was broken, in ${calm} before`);
  assert.deepEqual(ids(await server.rooms(), "broken"), ids(before, "broken"));
  await slider(ben, "Gain of Anna").press("PageUp");
  await soon(() => hears(ben, ANNA, VOICE_DBFS, BEN));
  await leave(anna, ben);
  await line.cut();
});

test("who is taken out at the desk is told so, and is not back by itself", async () => {
  const { anna, ben } = await together("out");
  const [room] = (await server.rooms()).filter((r) => r.room === "out");
  const { id } = room.tracks.find((t) => t.name === "Ben");
  await fetch(`${server.url}/api/rooms/out/tracks/${id}`, { method: "DELETE" });
  await ben.getByText("You were taken out of the room").waitFor();
  await soon(async () => assert.equal(await strip(anna, "Ben").count(), 0));
  await leave(anna, ben);
});

test("a room that is closed says so to everybody in it", async () => {
  const { anna, ben } = await together("closed");
  await fetch(`${server.url}/api/rooms/closed`, { method: "DELETE" });
  await Promise.all([anna, ben].map((page) => page.getByText("The room was closed.").waitFor()));
  await leave(anna, ben);
});

test("a link with a token lets in to what it allows, and no link lets nobody in", async () => {
  const key = "a key of the tests, long enough to sign";
  const guarded = await new Server({ MIXMINUS_KEY: key }).start();
  try {
    const page = await open(browsers.anna, `${guarded.url}/room/ward`);
    await page.getByLabel("Your name").fill("Anna");
    await page.getByRole("button", { name: "Just listen" }).click();
    await page.getByText("This server asks for a token").waitFor();

    await page.goto(`${guarded.url}/room/ward?token=${token(key, { room: "ward", can: ["listen"] })}`);
    await page.getByRole("button", { name: "Join and talk" }).click();
    await page.getByText("Your token does not allow this here").waitFor();
    await page.getByRole("button", { name: "Just listen" }).click();
    await page.getByText("connected", { exact: true }).waitFor();
    await slider(page, "Master gain").press("PageUp");
    await page.getByText("The desk refused this").waitFor();
    assert.equal(await slider(page, "Master gain").getAttribute("aria-valuetext"), "0.0 dB");

    await page.goto(`${guarded.url}/room/ward?token=${token(key, { room: "ward", can: ["talk", "listen", "mix"] })}`);
    await page.getByRole("button", { name: "Join and talk" }).click();
    await page.getByText("connected", { exact: true }).waitFor();
    await slider(page, "Gain of Anna").press("PageUp");
    await soon(async () => assert.equal(await slider(page, "Gain of Anna").getAttribute("aria-valuetext"), "+3.0 dB"));
    await leave(page);
  } finally {
    await guarded.stop();
  }
});

test("a name that is no room's is said to be none", async () => {
  const page = await open(browsers.anna, `${server.url}/room/a%20b`);
  await page.getByText("a space cannot be in it").waitFor();
  assert.deepEqual(page.complaints, []);
  await leave(page);
});
