/**
 * Photographs of the pages, dark and light, phone and desktop.
 *
 *     npm run looks             those of the README: docs/img/{desk,talk}-{phone,desktop}-{dark,light}.png
 *     npm run looks -- FOLDER   every screen
 */

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { launch, open } from "./browser.mjs";
import { meters, MockServer, roomWith, stubPeerConnections, track } from "./mock-server.mjs";
import { playTones } from "./scene.mjs";

const all = process.argv[2] !== undefined;
const folder = process.argv[2] ?? fileURLToPath(new URL("../../docs/img", import.meta.url));
await mkdir(folder, { recursive: true });
const server = await new MockServer().start();
const browser = await launch();

const SIZES = { phone: { width: 360, height: 740 }, desktop: { width: 1440, height: 900 } };
const TRACKS = [
  track({ id: "a", name: "Director", talking: true, gain_db: -3 }),
  track({ id: "b", name: "Camera 1", pan: -0.4, gain_db: -6 }),
  track({ id: "c", name: "Camera 2", pan: 0.4, gain_db: -6.5 }),
  track({ id: "d", name: "Lights and everything above", gain_db: -9 }),
  track({ id: "e", name: "Band L", kind: "whip", bus: "program", pan: -1, gain_db: -4.5, group: "Band" }),
  track({ id: "f", name: "Band R", kind: "whip", bus: "program", pan: 1, gain_db: -4.5, group: "Band" }),
  track({ id: "g", name: "House", kind: "whip", bus: "program", gain_db: -12, muted: true }),
  track({ id: "h", name: "Guest", gain_db: -60 }),
];
const LEVELS = { a: -14, b: -34, c: -41, d: -52, e: -15.5, f: -11, g: -22 };
const PEAKS = { a: -6.2, b: -24, c: -33, d: -44, e: -5.5, f: 0, g: -12 };
const NETS = { a: [0.6, 3.5, 42, 17], b: [0.1, 2.1, 40, 20], c: [2.4, 9.7, 62, 24], d: [0.4, 2.8, 40, 16], e: [0, 0.6, 40, 30], f: [0.2, 0.7, 40, 13], g: [0.2, 1.1, 40, 23], h: [0, 1.9, 40, 12] };
const FLOOR = {
  holders: [
    { id: "a", priority: 0, held_ms: 19_000, left_ms: 11_000, revoked: false },
    { id: "c", priority: 5, held_ms: 4000, left_ms: 26_000, revoked: false },
  ],
  queue: [{ id: "d", priority: 0, waited_ms: 3100 }],
};

function fill() {
  server.rooms.clear();
  const stage = roomWith({ room: "main-stage", mode: "floor", floor_holders: 2, master_gain_db: -1.5, listeners: 214, tracks: structuredClone(TRACKS) });
  server.rooms.set("main-stage", { ...stage, floor: { ...stage.floor, ...structuredClone(FLOOR) } });
  server.rooms.set("ward-3", roomWith({ room: "ward-3", listeners: 12, tracks: [track({ id: "x", name: "Ines" }), track({ id: "y", name: "Sam" })] }));
  server.rooms.set("kitchen", roomWith({ room: "kitchen" }));
}

async function join(page, button = "Join and talk") {
  await page.getByLabel("Your name").fill("Mira");
  await page.getByRole("button", { name: button }).click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.getByText("connected", { exact: true }).waitFor();
}

/** The page's clock may run ahead, so that a minute of loudness comes in at once: with every message of
 * meters by `hurry` milliseconds. */
function hurryingClock() {
  const now = performance.now.bind(performance);
  let ahead = 0;
  window.hurry = 0;
  performance.now = () => now() + ahead;
  window.WebSocket = class extends WebSocket {
    constructor(...address) {
      super(...address);
      this.addEventListener("message", ({ data }) => {
        if (data.includes('"meters"')) ahead += window.hurry;
        window.minute = ahead >= 60_000;
      });
    }
  };
}

/** Levels that breathe, a minute of loudness at once, networks, and what the events say. */
async function bring(page) {
  await page.evaluate(() => (window.hurry = 200));
  for (let t = 0; t < 300; t += 1) {
    const lufs = -22 + 3 * Math.sin(t / 23) + 1.4 * Math.sin(t / 5) - (t > 150 && t < 180 ? 9 : 0);
    server.send(meters({ levels: LEVELS, peaks: PEAKS, master_dbfs: -15, master_peak_dbfs: -3.1, reduction_db: 2.4, momentary_lufs: lufs + 1, short_term_lufs: lufs, integrated_lufs: -22.9 }));
  }
  await page.waitForFunction(() => window.minute);
  await page.evaluate(() => (window.hurry = 0));
  server.patch({ change: "floor", events: [], floor: server.rooms.get("main-stage").floor });
  const beat = () =>
    server.send(
      meters({ levels: LEVELS, peaks: PEAKS, master_dbfs: -14.2, master_peak_dbfs: -3.1, reduction_db: 2.4, momentary_lufs: -17.9, short_term_lufs: -18.6, integrated_lufs: -19.1 }),
    );
  const stats = Object.fromEntries(Object.entries(NETS).map(([id, [loss_percent, jitter_ms, delay_ms, rtt_ms]]) => [id, { loss_percent, jitter_ms, delay_ms, rtt_ms }]));
  server.send({ type: "stats", tracks: stats, mixes: 3, tick_ms: 0.9 });
  for (const [at, address, event] of [
    [77313, "10.0.4.9:5004", "dropped stream Guest (6 s)"],
    [78040, "10.0.4.40:41200", "new stream Camera 2"],
    [79118, "desk", "gain of Camera 1 is -6.0 dB"],
    [80992, "10.0.4.31:39001", "missing packets: 3 before sequence 40713"],
  ]) server.send({ type: "event", at, address, event });
  beat();
  return setInterval(beat, 40);
}

/** Until what was drawn last is on the screen. */
const drawn = (page, frames = 30) =>
  page.evaluate((frames) => new Promise((done) => {
    const next = (left) => (left === 0 ? done() : requestAnimationFrame(() => next(left - 1)));
    next(frames);
  }), frames);

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["dark", "light"]) {
    const options = { viewport, colorScheme, prepare: { content: `(${stubPeerConnections})(); (${hurryingClock})();` }, hasTouch: size === "phone", deviceScaleFactor: 1 };
    const shoot = (page, what) => page.screenshot({ path: `${folder}/${what}-${size}-${colorScheme}.png` });
    const at = (path) => open(browser, server.url + path, options);
    const show = async (page, view) => {
      if (size === "phone") await page.getByRole("button", { name: view, exact: true }).click();
    };

    fill();
    let page = await at("/room/main-stage");
    await join(page);
    await playTones(page);
    const beat = await bring(page);
    await show(page, "Desk");
    await drawn(page, 60);
    await shoot(page, "desk");
    if (all) {
      await page.getByRole("button", { name: "Menu of Camera 1" }).click();
      await drawn(page);
      await shoot(page, "desk-menu");
      await page.keyboard.press("Escape");
      await page.getByLabel("Play a file into the room").setInputFiles({ name: "jingle.wav", mimeType: "audio/wav", buffer: await import("./tone.mjs").then(({ music }) => music()) });
      await page.getByRole("button", { name: "Pause jingle.wav" }).waitFor();
      await drawn(page, 60);
      await shoot(page, "desk-file");
      await page.getByRole("button", { name: "Stop jingle.wav" }).click();
      await page.getByRole("button", { name: "Settings of the room" }).click();
      await drawn(page);
      await shoot(page, "desk-settings");
      await page.keyboard.press("Escape");
    }
    await show(page, "Talk");
    // One of the two lets go: the next who asks gets the floor.
    const stage = server.rooms.get("main-stage");
    stage.floor = { ...stage.floor, holders: stage.floor.holders.slice(0, 1), queue: [] };
    server.patch({ change: "floor", events: [{ event: "released", id: "c" }], floor: stage.floor });
    if (!all) {
      // On a wide screen the walkie-talkie stands beside the desk: there it is shown on the air.
      await page.evaluate(() => document.activeElement?.blur());
      await page.keyboard.down("Space");
      await drawn(page, 60);
      await shoot(page, "talk");
      await page.keyboard.up("Space");
    } else {
      await drawn(page);
      await shoot(page, "room");
      await page.keyboard.down("Space");
      await drawn(page);
      await shoot(page, "room-on-air");
      await page.keyboard.up("Space");
    }
    clearInterval(beat);
    if (!all) {
      await page.context().close();
      continue;
    }
    await show(page, "Desk");
    await server.stop();
    await page.getByText("next try in").waitFor();
    await drawn(page, 90);
    await shoot(page, "desk-offline");
    await server.start();
    await page.context().close();

    server.rooms.clear();
    page = await at("/");
    await page.getByText("No room is open").waitFor();
    await shoot(page, "home-empty");
    fill();
    await page.getByText("main-stage").waitFor();
    await page.getByLabel("Room name").fill("ward 3");
    await shoot(page, "home");
    await page.context().close();

    page = await at("/room/main-stage");
    await page.getByText("in here").waitFor();
    await shoot(page, "door");
    await join(page, "Just listen");
    await shoot(page, "room-listener");
    await page.context().close();

    page = await at("/room/alone");
    await join(page);
    await shoot(page, "room-alone");
    await show(page, "Desk");
    await shoot(page, "desk-alone");
    await page.context().close();

    page = await at("/room/a%20b");
    await shoot(page, "wrong-name");
    await page.context().close();
  }
}
await browser.close();
await server.stop();
