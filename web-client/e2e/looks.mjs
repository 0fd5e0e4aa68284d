/** Photographs of every screen, dark and light, phone and desk: `npm run looks -- FOLDER`. */

import { mkdir } from "node:fs/promises";
import { launch, open } from "./browser.mjs";
import { MockServer, stubPeerConnections, track } from "./mock-server.mjs";

const folder = process.argv[2] ?? "looks";
await mkdir(folder, { recursive: true });
const server = await new MockServer().start();
const browser = await launch();

const SIZES = { phone: { width: 360, height: 740 }, desk: { width: 1440, height: 900 } };
const TRACKS = [
  track({ id: "a", name: "Director", talking: true, gain_db: -3 }),
  track({ id: "b", name: "Camera 1", pan: -0.4, gain_db: -6 }),
  track({ id: "c", name: "Camera 2", pan: 0.4, gain_db: -6.5 }),
  track({ id: "d", name: "Lights and everything above", gain_db: -9 }),
  track({ id: "e", name: "bass.flac", kind: "file", pan: -1, gain_db: -4.5 }),
  track({ id: "f", name: "keys.flac", kind: "file", pan: 1, gain_db: 4 }),
  track({ id: "g", name: "House", kind: "whip", gain_db: -12, muted: true }),
  track({ id: "h", name: "Guest", gain_db: -60 }),
];
const LEVELS = { a: -9, b: -34, c: -28, d: -46, e: -2.5, f: 0.3, g: -22 };

function fill() {
  server.rooms.clear();
  server.rooms.set("main-stage", { room: "main-stage", mode: "open", master_gain_db: -1.5, listeners: 214, tracks: structuredClone(TRACKS) });
  server.rooms.set("ward-3", { room: "ward-3", mode: "open", master_gain_db: 0, listeners: 12, tracks: [track({ id: "x", name: "Ines" }), track({ id: "y", name: "Sam" })] });
  server.rooms.set("kitchen", { room: "kitchen", mode: "open", master_gain_db: 0, listeners: 0, tracks: [] });
}

async function join(page, button = "Join and talk") {
  await page.getByLabel("Your name").fill("Mira");
  await page.getByRole("button", { name: button }).click();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.getByText("connected", { exact: true }).waitFor();
}

for (const [size, viewport] of Object.entries(SIZES)) {
  for (const colorScheme of ["dark", "light"]) {
    const options = { viewport, colorScheme, prepare: stubPeerConnections, hasTouch: size === "phone", deviceScaleFactor: 1 };
    const shoot = (page, what) => page.screenshot({ path: `${folder}/${what}-${size}-${colorScheme}.png` });
    const at = (path) => open(browser, server.url + path, options);

    server.rooms.clear();
    let page = await at("/");
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
    await join(page);
    const beat = setInterval(() => server.send({ type: "meters", levels: LEVELS, master_dbfs: -7 }), 40);
    for (const [at, address, event] of [
      [77313, "10.0.4.9:5004", "dropped stream Guest (6 s)"],
      [78040, "10.0.4.40:41200", "new stream Camera 2"],
      [79118, "desk", "gain of Camera 1 is -6.0 dB"],
      [80992, "10.0.4.31:39001", "missing packets: 3 before sequence 40713"],
    ]) server.send({ type: "event", at, address, event });
    await page.waitForTimeout(600);
    await shoot(page, "room");
    if (size === "phone") {
      await page.getByRole("button", { name: "Desk", exact: true }).click();
      await page.waitForTimeout(200);
      await shoot(page, "room-desk");
      await page.getByRole("button", { name: "Talk", exact: true }).click();
    }
    await page.keyboard.down("Space");
    await page.waitForTimeout(150);
    await shoot(page, "room-on-air");
    await page.keyboard.up("Space");
    clearInterval(beat);
    await server.stop();
    await page.getByText("next try in").waitFor();
    await page.waitForTimeout(1800);
    await shoot(page, "room-offline");
    await server.start();
    await page.context().close();

    page = await at("/room/main-stage");
    await join(page, "Just listen");
    await shoot(page, "room-listener");
    await page.context().close();

    page = await at("/room/alone");
    await join(page);
    await shoot(page, "room-alone");
    await page.context().close();

    page = await at("/room/a%20b");
    await shoot(page, "wrong-name");
    await page.context().close();
  }
}
await browser.close();
await server.stop();
