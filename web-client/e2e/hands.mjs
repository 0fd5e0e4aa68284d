/** Hands on the desk of a page, for tests against a server that speaks the wire and carries no sound. */

import assert from "node:assert/strict";
import { after, before, beforeEach } from "node:test";
import { launch, open } from "./browser.mjs";
import { MockServer, roomWith, stubPeerConnections, track } from "./mock-server.mjs";

export const PHONE = { width: 360, height: 740 };
export const DESK = { width: 1440, height: 900 };

export const server = new MockServer();
let browser;

/** Call it once in a file: server and browser for its tests, a fresh room before each. */
export function setUp() {
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
    server.commands.length = 0;
    server.hungUp.length = 0;
    server.published.length = 0;
    server.mixes.clear();
    server.refusal = null;
    server.judge = () => undefined;
    fill([
      track({ id: "ines", name: "Ines", talking: true }),
      track({ id: "sam", name: "Sam", gain_db: -6 }),
      track({ id: "bass", name: "bass.flac", kind: "file", bus: "program", gain_db: -10, pan: -0.5 }),
    ]);
  });
}

export function fill(tracks, values = {}) {
  server.rooms.set("ward-3", roomWith({ room: "ward-3", listeners: 2, tracks, ...values }));
}

export async function inRoom(options = {}) {
  const page = await open(browser, `${server.url}/room/ward-3`, { viewport: DESK, prepare: stubPeerConnections, ...options });
  await page.getByLabel("Your name").fill("Mira");
  await page.getByRole("button", { name: "Just listen" }).click();
  await page.getByText("connected", { exact: true }).waitFor();
  if ((options.viewport ?? DESK).width < 900) await page.getByRole("button", { name: "Desk", exact: true }).click();
  return page;
}

export async function done(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

/** Waits until `check` holds, or says what it last gave. */
export async function eventually(check, what) {
  const end = Date.now() + 15_000;
  let last;
  while (Date.now() < end) {
    last = await check();
    if (last === true) return;
    await new Promise((next) => setTimeout(next, 20));
  }
  assert.fail(`${what}: ${JSON.stringify(last)}`);
}

/** A shorter press is a tap, and latches. */
export async function holdOn(page) {
  const start = await page.evaluate(() => performance.now());
  await page.waitForFunction((start) => performance.now() - start > 260, start);
}

export const strip = (page, name) => page.getByRole("article", { name: `Strip of ${name}`, exact: true });
export const slider = (page, name) => page.getByRole("slider", { name, exact: true });
export const spoken = (page, name) => slider(page, name).getAttribute("aria-valuetext");
export const button = (page, name) => page.getByRole("button", { name, exact: true });
/** The last command was this one; keys that are not named may be anything. */
export const said = (wanted) =>
  eventually(() => {
    const last = server.commands.at(-1);
    return Object.entries(wanted).every(([k, v]) => JSON.stringify(last?.[k]) === JSON.stringify(v)) || server.commands.slice(-3);
  }, `the command ${JSON.stringify(wanted)}`);
export const menu = async (page, name) => {
  await button(page, `Menu of ${name}`).click();
  return page.getByRole("group", { name: `Menu of ${name}` });
};
export const drag = async (page, from, to, steps = 8) => {
  const [a, b] = [await from.boundingBox(), await to.boundingBox()];
  await page.mouse.move(a.x + a.width / 2, a.y + a.height / 2);
  await page.mouse.down();
  await page.mouse.move(b.x + b.width / 2, b.y + b.height / 2, { steps });
  await page.mouse.up();
};
export const head = (page, name) => button(page, `Name of ${name}: rename`);
