/** The walkie-talkie, against a server that speaks the wire and carries no sound. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { DESK, PHONE, eventually, holdOn } from "./hands.mjs";
import { MockServer, roomWith, stubPeerConnections, track } from "./mock-server.mjs";

const AXE = await readFile(new URL("../node_modules/axe-core/axe.min.js", import.meta.url), "utf8");

const server = new MockServer();
let browser;
before(async () => {
  await server.start();
  browser = await launch();
});
after(async () => {
  await browser.close();
  await server.stop();
});
beforeEach(() => {
  server.rooms.clear();
  server.mixes.clear();
  server.commands.length = 0;
  server.hungUp.length = 0;
  server.judge = () => undefined;
  server.rule = () => undefined;
  const tracks = [track({ id: "ines", name: "Ines" }), track({ id: "sam", name: "Sam" })];
  server.rooms.set("ward-3", roomWith({ room: "ward-3", mode: "floor", listeners: 2, tracks }));
  server.rooms.set("kitchen", roomWith({ room: "kitchen", listeners: 1, tracks: [track({ id: "bo", name: "Bo" })] }));
});

/** Counts what a page does beside what it shows: its microphone's gate, tones, shaking, the screen's lock. */
function watch() {
  window.seen = { open: false, closedAt: 0, tones: 0, buzzes: [], locks: 0, sinks: [] };
  const enabled = Object.getOwnPropertyDescriptor(MediaStreamTrack.prototype, "enabled");
  const give = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    window.seen.wanted = wanted.audio;
    const stream = await give(wanted);
    const [own] = stream.getAudioTracks();
    window.seen.track = own;
    Object.defineProperty(own, "enabled", {
      get: () => enabled.get.call(own),
      set: (on) => {
        enabled.set.call(own, on);
        window.seen.open = on;
        if (!on) window.seen.closedAt = performance.now();
      },
    });
    return stream;
  };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...times) {
    window.seen.tones += 1;
    return start.apply(this, times);
  };
  Object.defineProperty(navigator, "vibrate", { value: (pattern) => window.seen.buzzes.push(pattern.join(" ")) });
  Object.defineProperty(navigator, "wakeLock", {
    value: {
      request: async () => {
        window.seen.locks += 1;
        const lock = { released: false, release: async () => void ((lock.released = true), (window.seen.locks -= 1)) };
        return lock;
      },
    },
  });
  HTMLMediaElement.prototype.setSinkId = async function (id) {
    window.seen.sinks.push(id);
  };
  navigator.mediaSession.setActionHandler = (action, handler) => {
    window.seen[action] = handler;
  };
}

async function inRoom(options = {}, button = "Join and talk") {
  const page = await open(browser, `${server.url}/room/ward-3`, {
    viewport: PHONE,
    prepare: `(${stubPeerConnections})(); (${watch})();`,
    ...options,
  });
  await page.getByLabel("Your name").fill("Mira");
  await page.getByRole("button", { name: button }).click();
  await page.getByText("connected", { exact: true }).waitFor();
  page.own = server.rooms.get("ward-3").tracks.find((t) => t.name === "Mira")?.id;
  return page;
}

async function done(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

const button = (page) => page.getByRole("button", { name: "Hold to talk" });
const shows = (page, word) => page.locator("#talk-state").getByText(word).waitFor();
const pressed = async (page) => (await button(page).getAttribute("aria-pressed")) === "true";
const gateOpen = (page) => page.evaluate(() => window.seen.open);
const gate = (page, on) => eventually(async () => (await gateOpen(page)) === on, `the gate is not ${on ? "open" : "closed"}`);
const told = (page) => page.getByRole("status", { name: "Your state" });
const asked = (action) => server.commands.filter((c) => c.command === "floor" && c.action === action).length;
const room = (name = "ward-3") => server.rooms.get(name);
const say = (events, floor = {}) => {
  Object.assign(room().floor, floor);
  server.patchIn("ward-3", { change: "floor", events, floor: room().floor });
};
const holds = (id, more = {}) => ({ id, priority: 0, held_ms: 0, revoked: false, ...more });

async function press(page) {
  await button(page).hover();
  await page.mouse.down();
}

test("the floor is asked for with the microphone open, granted, reported, and given back after the tail", async () => {
  const page = await inRoom();
  await shows(page, "Hold to talk");
  // An answer that this page does not know: the question stays open.
  server.rule = ({ action }) => (action === "request" ? { answer: "later" } : undefined);
  await page.keyboard.down("Space");
  await shows(page, "Asking");
  await gate(page, true);
  say([{ event: "granted", id: page.own }], { holders: [holds(page.own, { left_ms: 30_000 })] });
  await shows(page, "On the air");
  await page.getByText(/^0:(30|2\d) left$/).waitFor();
  await page.getByText(/^granted in \d+ ms$/).waitFor();
  assert.equal(await told(page).innerText(), "You are on the air.");
  await eventually(() => server.commands.some((c) => c.command === "report" && c.access_ms >= 0 && c.id === page.own), "no report");
  server.rule = () => undefined;
  await page.evaluate(() => addEventListener("keyup", (event) => (window.seen.keyUp = event.timeStamp), true));
  await page.keyboard.up("Space");
  await gate(page, false);
  const tailMs = await page.evaluate(() => window.seen.closedAt - window.seen.keyUp);
  assert.ok(tailMs >= 149, `the gate closed ${tailMs} ms after key-up`);
  await eventually(() => asked("release") === 1, "no release");
  await shows(page, "Hold to talk");
  await done(page);
});

test("in an open room nobody asks", async () => {
  room().mode = "open";
  const page = await inRoom();
  await page.keyboard.down("Space");
  await shows(page, "On the air");
  await gate(page, true);
  await page.keyboard.up("Space");
  await gate(page, false);
  assert.equal(asked("request") + asked("release"), 0);
  await done(page);
});

test("a denial is said with its reason, closes the gate and fades once the key is up", async () => {
  const page = await inRoom();
  server.rule = () => ({ answer: "denied", reason: "the queue is full" });
  await page.keyboard.down("Space");
  await shows(page, "Denied");
  await shows(page, "the queue is full");
  await gate(page, false);
  assert.equal(await told(page).innerText(), "Denied: the queue is full.");
  assert.deepEqual(await page.evaluate(() => window.seen.buzzes), ["120 60 120"]);
  await page.keyboard.up("Space");
  await shows(page, "Hold to talk");
  await done(page);
});

test("who waits sees the place, sends for the half second that the server keeps, and leaves the queue by letting go", async () => {
  room().floor.holders.push(holds("ines"));
  const page = await inRoom();
  await shows(page, "Listening");
  await shows(page, "to Ines");
  await page.keyboard.down("Space");
  await shows(page, "Queued 1");
  await gate(page, true);
  say([], { queue: [{ id: "sam", priority: 1, waited_ms: 0 }, { id: page.own, priority: 0, waited_ms: 0 }] });
  await shows(page, "Queued 2");
  say([{ event: "released", id: "ines" }, { event: "granted", id: page.own }], { holders: [holds(page.own)], queue: [] });
  await shows(page, "On the air");
  await gate(page, true);
  await page.keyboard.up("Space");
  await shows(page, "Hold to talk");
  await eventually(() => asked("release") === 1, "no release");

  room().floor.holders = [holds("ines")];
  await page.keyboard.down("Space");
  await shows(page, "Queued 1");
  const before = asked("release");
  await page.keyboard.up("Space");
  await eventually(() => asked("release") > before, "still in the queue");
  await gate(page, false);
  await shows(page, "Listening");
  await done(page);
});

test("time over: warned, last words, cut off, and no second question before the key is up", async () => {
  const page = await inRoom();
  await page.keyboard.down("Space");
  await shows(page, "On the air");
  say([{ event: "warned", id: page.own, left_ms: 5000 }]);
  await shows(page, /[1-5] s left/);
  assert.equal(await page.locator(".talk-key").getAttribute("data-state"), "warning");
  say([{ event: "revoking", id: page.own, reason: "talked for 30 s" }]);
  await shows(page, "Time is over");
  await gate(page, true);
  say([{ event: "revoked", id: page.own, reason: "talked for 30 s" }], { holders: [] });
  await shows(page, "Cut off");
  await shows(page, "talked for 30 s");
  await gate(page, false);
  assert.equal(asked("request"), 1);
  await page.keyboard.up("Space");
  await shows(page, "Hold to talk");
  await page.keyboard.down("Space");
  await shows(page, "On the air");
  assert.equal(asked("request"), 2);
  await done(page);
});

test("muted by the desk is said, and so is the way back", async () => {
  const page = await inRoom();
  server.patchIn("ward-3", { change: "track", id: page.own, muted: true });
  await shows(page, "Muted");
  await shows(page, "by the desk: nobody hears you");
  server.patchIn("ward-3", { change: "track", id: page.own, muted: false });
  await shows(page, "Hold to talk");
  await done(page);
});

test("offline is said with the seconds, and who held the key talks again when the line is back", async () => {
  const page = await inRoom();
  await page.getByRole("switch", { name: "Keep talking" }).click();
  await shows(page, "On the air");
  await server.stop();
  await shows(page, "Offline");
  await page.getByText(/^Offline: next try in \d s\./).waitFor();
  assert.equal(await button(page).isDisabled(), true);
  room().floor.holders = [];
  await server.start();
  await shows(page, "On the air");
  assert.equal(asked("request"), 2);
  await page.context().close();
});

test("a tap latches, the next tap ends it, and holding is hold-to-talk", async () => {
  const page = await inRoom();
  await button(page).click();
  await shows(page, "On the air");
  await shows(page, "tap to end");
  assert.equal(await page.getByRole("switch", { name: "Keep talking" }).getAttribute("aria-checked"), "true");
  await button(page).click();
  await gate(page, false);
  assert.equal(await pressed(page), false);
  await press(page);
  await holdOn(page);
  await page.mouse.up();
  assert.equal(await pressed(page), false);
  await done(page);
});

test("a tap that is denied does not stay on", async () => {
  const page = await inRoom();
  server.rule = () => ({ answer: "denied", reason: "the desk has closed the floor" });
  await button(page).click();
  await shows(page, "Denied");
  await eventually(async () => !(await pressed(page)), "still latched");
  await done(page);
});

test("Enter on the button holds and taps, and a headset's key turns it on and off", async () => {
  const page = await inRoom();
  await button(page).focus();
  await page.keyboard.down("Enter");
  await shows(page, "On the air");
  await holdOn(page);
  await page.keyboard.up("Enter");
  assert.equal(await pressed(page), false);
  await gate(page, false);
  await page.keyboard.press("Enter");
  await shows(page, "On the air");
  await page.evaluate(() => window.seen.pause());
  await gate(page, false);
  await page.evaluate(() => window.seen.play());
  await shows(page, "On the air");
  await done(page);
});

test("tones are heard and felt, and not once they are turned off", async () => {
  const page = await inRoom();
  await page.keyboard.down("Space");
  await shows(page, "On the air");
  await eventually(async () => (await page.evaluate(() => window.seen.tones)) === 2, "no tone");
  assert.deepEqual(await page.evaluate(() => window.seen.buzzes), ["35"]);
  await page.keyboard.up("Space");
  await shows(page, "Hold to talk");
  await page.getByRole("button", { name: "Sound" }).click();
  await page.getByRole("switch", { name: "Tones" }).click();
  await page.keyboard.press("Escape");
  server.rule = () => ({ answer: "denied", reason: "no" });
  await button(page).click();
  await shows(page, "Denied");
  assert.equal(await page.evaluate(() => window.seen.tones), 2);
  await done(page);
});

test("a call goes out to all or to one, not twice in three seconds", async () => {
  const page = await inRoom();
  const all = page.getByRole("button", { name: "Call everybody here" });
  await all.click();
  await eventually(() => server.commands.some((c) => c.command === "alert" && c.from === page.own && c.to === undefined), "no alert");
  await page.getByRole("button", { name: "Called" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Called" }).isDisabled(), true);
  // The own call light does not burn here.
  assert.equal(await page.getByRole("button", { name: "Dismiss" }).count(), 0);
  await all.waitFor();
  await page.getByRole("button", { name: "People" }).click();
  await page.getByRole("button", { name: "Call Ines" }).click();
  await eventually(() => server.commands.some((c) => c.command === "alert" && c.to === "ines"), "no alert to Ines");
  await done(page);
});

test("a call light burns until it is dismissed, in the title too, and one for another does not", async () => {
  const page = await inRoom();
  const title = await page.title();
  server.send({ type: "alert", from: "sam", name: "Sam", to: "ines" });
  server.send({ type: "alert", from: "ines", name: "Ines", to: page.own });
  await page.getByText("Ines calls you in ward-3").waitFor();
  assert.equal(await page.getByText("Sam calls").count(), 0);
  await eventually(async () => (await page.title()).includes("Ines calls"), "the title");
  await eventually(async () => (await page.evaluate(() => window.seen.tones)) === 4, "no tone");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await eventually(async () => (await page.title()) === title, "the title stays");
  await done(page);
});

test("several channels: presence, what was missed, one to talk to, kept for the next time", async () => {
  const page = await inRoom();
  await page.getByRole("button", { name: "Channels" }).click();
  await page.getByRole("textbox", { name: "Channel to add" }).fill("a b");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("alert").getByText("a space cannot be in it").waitFor();
  await page.getByRole("button", { name: "Add kitchen" }).click();
  await page.getByRole("button", { name: "Mute channel kitchen" }).click();
  await page.getByRole("button", { name: "Close Channels" }).click();
  const row = (name) => page.getByRole("list", { name: "Channels" }).getByRole("button", { name });
  await row("kitchen").getByText("muted").waitFor();
  assert.equal(await row("ward-3").getAttribute("aria-pressed"), "true");
  assert.ok(room("kitchen").tracks.some((t) => t.name === "Mira"));

  const talks = (talking) => server.patchIn("kitchen", { change: "talking", id: "bo", talking });
  talks(true);
  await row("kitchen").getByText("Bo is talking").waitFor();
  await row("kitchen").getByText("1 missed").waitFor();
  talks(false);
  await row("kitchen").getByText("2 here").waitFor();
  await page.getByRole("button", { name: "Channels 1 missed" }).waitFor();

  await row("kitchen").click();
  await page.getByRole("heading", { level: 1, name: "kitchen" }).waitFor();
  assert.equal(await row("kitchen").getByText("missed").count(), 0);
  await page.keyboard.down("Space");
  await shows(page, "On the air");
  assert.equal(asked("request"), 0);
  await page.keyboard.up("Space");
  assert.deepEqual(server.hungUp, []);
  assert.equal(server.sockets.length, 2);

  await page.reload();
  await page.getByRole("button", { name: "Join and talk" }).click();
  await page.getByRole("heading", { level: 1, name: "ward-3" }).waitFor();
  await row("kitchen").getByText("muted").waitFor();
  await page.getByRole("button", { name: "Channels", exact: true }).click();
  await page.getByRole("button", { name: "Remove kitchen" }).click();
  await page.keyboard.press("Escape");
  assert.equal(await page.getByRole("list", { name: "Channels" }).count(), 0);
  await done(page);
});

test("a volume of its own for each channel, and one for all", async () => {
  const page = await inRoom();
  const loud = () => page.evaluate(() => document.querySelector("audio").volume);
  await page.getByRole("button", { name: "Channels" }).click();
  await page.getByRole("slider", { name: "Volume of ward-3" }).fill("0.5");
  await eventually(async () => (await loud()) === 0.5, "half");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Sound" }).click();
  await page.getByRole("slider", { name: "My volume" }).fill("0.5");
  await eventually(async () => (await loud()) === 0.25, "a quarter");
  await done(page);
});

test("devices are chosen at the door after a look at the level, and changed inside", async () => {
  const page = await open(browser, `${server.url}/room/ward-3`, { viewport: PHONE, prepare: `(${stubPeerConnections})(); (${watch})();` });
  await page.getByRole("button", { name: "Check microphone and speaker" }).click();
  await page.getByRole("img", { name: "Level of my microphone" }).waitFor();
  const bar = () => page.evaluate(() => Number(/scaleX\(([\d.]+)\)/.exec(document.querySelector(".level-bar i").style.transform)?.[1]));
  await eventually(async () => (await bar()) > 0.1, "the level does not move");
  const microphones = page.getByRole("combobox", { name: "Microphone" });
  await eventually(async () => (await microphones.locator("option").count()) > 2, "no devices");
  const [, , second] = await microphones.locator("option").evaluateAll((all) => all.map((o) => o.value));
  await microphones.selectOption(second);
  await eventually(() => page.evaluate((id) => window.seen.wanted.deviceId?.exact === id, second), "not opened");
  await page.getByRole("switch", { name: "Clean up my voice" }).click();
  await eventually(() => page.evaluate(() => window.seen.wanted.echoCancellation === false && window.seen.wanted.noiseSuppression === false), "still cleaned");
  await page.getByLabel("Your name").fill("Mira");
  await page.getByRole("button", { name: "Join and talk" }).click();
  await page.getByText("connected", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Sound" }).click();
  await page.getByText("Each by itself").click();
  await page.getByRole("switch", { name: "Remove echo" }).click();
  await eventually(() => page.evaluate(() => window.seen.wanted.echoCancellation === true), "echo stays");
  const speakers = page.getByRole("combobox", { name: "Speaker" });
  const [, speaker] = await speakers.locator("option").evaluateAll((all) => all.map((o) => o.value));
  await speakers.selectOption(speaker);
  await eventually(() => page.evaluate((id) => window.seen.sinks.includes(id), speaker), "the speaker");
  await page.evaluate(() => window.seen.track.dispatchEvent(new Event("ended")));
  await page.getByText("The microphone went away. The browser has taken another one.").first().waitFor();
  await done(page);
});

test("a microphone that goes for good is said, and can be turned on again", async () => {
  const page = await inRoom();
  await page.evaluate(() => {
    window.give = navigator.mediaDevices.getUserMedia;
    navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", "NotFoundError"));
    window.seen.track.dispatchEvent(new Event("ended"));
  });
  await page.getByText("The microphone went away. Plug it in again").waitFor();
  await page.evaluate(() => (navigator.mediaDevices.getUserMedia = window.give));
  await page.getByRole("button", { name: "Turn on the microphone" }).click();
  await shows(page, "Hold to talk");
  await done(page);
});

test("one person is turned down or silenced for oneself alone", async () => {
  const page = await inRoom();
  await page.getByRole("button", { name: "People" }).click();
  await page.getByRole("slider", { name: "Ines for me" }).fill("-12");
  await eventually(() => server.mixes.get(page.own)?.tracks.ines?.gain_db === -12, "the server does not know");
  await page.getByRole("button", { name: "Silence Ines for me" }).click();
  await eventually(() => server.mixes.get(page.own)?.tracks.ines?.muted === true, "not silenced");
  assert.equal(await page.getByRole("slider", { name: "Ines for me" }).getAttribute("aria-valuetext"), "−12.0 dB");
  assert.equal(room().tracks[0].gain_db, 0);
  await done(page);
});

test("the room's access times are drawn with their 95th percentile", async () => {
  room().floor.access.counts = [3, 10, 4, 1, 0, 0, 0, 0, 0, 0, 0];
  const page = await inRoom();
  await page.getByRole("button", { name: "Sound" }).click();
  await page.getByText("95 % under 50 ms · 18 asked · goal 300 ms").waitFor();
  assert.equal(await page.getByRole("region", { name: "Access times" }).getByRole("listitem").count(), 11);
  await done(page);
});

test("the screen stays on in the room, while the switch is on", async () => {
  const page = await inRoom();
  const locks = (n) => eventually(async () => (await page.evaluate(() => window.seen.locks)) === n, `not ${n} locks`);
  await locks(1);
  await page.getByRole("button", { name: "Sound" }).click();
  await page.getByRole("switch", { name: "Keep the screen on" }).click();
  await locks(0);
  await page.getByRole("switch", { name: "Keep the screen on" }).click();
  await locks(1);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Leave" }).click();
  await locks(0);
  await done(page);
});

test("the page installs, opens with no server and says so, and no old page stays", async () => {
  const page = await open(browser, `${server.url}/room/ward-3`, { viewport: PHONE });
  const manifest = await (await fetch(`${server.url}/manifest.webmanifest`)).json();
  for (const { src, type } of manifest.icons) {
    const icon = await fetch(server.url + src);
    assert.equal(icon.headers.get("content-type"), type);
  }
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await server.stop();
  await page.reload();
  await page.getByText("You are offline: the server does not answer.").waitFor();
  const caches = await page.evaluate(async () => {
    const urls = [];
    for (const name of await window.caches.keys()) for (const request of await (await window.caches.open(name)).keys()) urls.push(new URL(request.url).pathname);
    return urls;
  });
  assert.deepEqual(caches.filter((path) => /^\/(api|whip|whep|metrics)/.test(path)), []);
  await server.start();
  await page.getByText("Ines, Sam in here.").waitFor();
  // With the server there the page comes from it, whatever is kept.
  await page.evaluate(async () => {
    for (const name of await window.caches.keys()) await (await window.caches.open(name)).put("/", new Response("an old page", { headers: { "Content-Type": "text/html" } }));
  });
  await page.reload();
  await page.getByRole("heading", { name: "ward-3" }).waitFor();
  await page.context().close();
});

test("everything is reached by the keyboard, and a sheet gives the focus back", async () => {
  const page = await inRoom({ viewport: DESK });
  const focus = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent);
  await button(page).focus();
  for (const name of ["Keep talking", "Call everybody here", "Channels", "People3", "Sound"]) {
    await page.keyboard.press("Tab");
    assert.equal((await focus())?.replaceAll(" ", ""), name.replaceAll(" ", ""));
  }
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Sound" }).waitFor();
  assert.equal(await focus(), "Close Sound");
  await page.keyboard.press("Escape");
  await eventually(async () => (await focus()) === "Sound", "the focus is lost");
  await done(page);
});

for (const colorScheme of ["dark", "light"]) {
  test(`no state or sheet fails the accessibility rules (${colorScheme})`, async () => {
    const page = await inRoom({ colorScheme });
    const check = async (what) => {
      const found = await page.evaluate(async () => {
        const { violations } = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
        return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target} ${n.any[0]?.message ?? ""}`));
      });
      assert.deepEqual(found, [], what);
      const wide = await page.evaluate(() => document.scrollingElement.scrollWidth);
      assert.ok(wide <= PHONE.width, `${what} is ${wide} px wide`);
    };
    await page.evaluate(AXE);
    await page.getByRole("button", { name: "Channels" }).click();
    await page.getByRole("button", { name: "Add kitchen" }).click();
    await check("channels");
    await page.keyboard.press("Escape");
    for (const sheet of ["People", "Sound"]) {
      await page.getByRole("button", { name: sheet }).click();
      if (sheet === "Sound") await page.getByText("Each by itself").click();
      await check(sheet);
      await page.keyboard.press("Escape");
    }
    server.send({ type: "alert", from: "ines", name: "Ines" });
    await page.getByText("Ines calls everybody").first().waitFor();
    await check("a call light");
    await page.getByRole("button", { name: "Dismiss" }).first().click();

    const states = {
      denied: { answer: "denied", reason: "the queue is full" },
      queued: { answer: "queued", position: 2 },
      granted: { answer: "granted", left_ms: 30_000 },
    };
    for (const [state, answer] of Object.entries(states)) {
      server.rule = ({ action }) => (action === "request" ? answer : undefined);
      await page.keyboard.down("Space");
      await shows(page, { denied: "Denied", queued: "Queued 2", granted: "On the air" }[state]);
      await check(state);
      if (state !== "granted") await page.keyboard.up("Space");
      if (state === "denied") await shows(page, "Hold to talk");
    }
    say([{ event: "warned", id: page.own, left_ms: 5000 }]);
    await shows(page, /s left/);
    await check("warned");
    say([{ event: "revoking", id: page.own, reason: "talked for 30 s" }]);
    await shows(page, "Time is over");
    await check("revoking");
    say([{ event: "revoked", id: page.own, reason: "talked for 30 s" }]);
    await shows(page, "Cut off");
    await check("revoked");
    await page.context().close();
  });
}
