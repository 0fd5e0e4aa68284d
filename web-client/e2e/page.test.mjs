/** What a person meets on the pages, against a server that speaks the wire and carries no sound. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, beforeEach, test } from "node:test";
import { launch, open } from "./browser.mjs";
import { DESK, PHONE, eventually, holdOn } from "./hands.mjs";
import { meters, MockServer, roomWith, stubPeerConnections, track } from "./mock-server.mjs";

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
  server.commands.length = 0;
  server.hungUp.length = 0;
  server.refusal = null;
  server.judge = () => undefined;
  server.rooms.set("ward-3", roomWith({
    room: "ward-3",
    listeners: 2,
    tracks: [track({ id: "ines", name: "Ines", talking: true }), track({ id: "bass", name: "bass.flac", kind: "file", gain_db: -6, pan: -0.5 })],
  }));
});

const at = (path, options = {}) => open(browser, server.url + path, { viewport: DESK, prepare: stubPeerConnections, ...options });

async function inRoom(options = {}, button = "Join and talk") {
  const page = await at("/room/ward-3", options);
  await page.getByLabel("Your name").fill("Mira");
  await page.getByRole("button", { name: button }).click();
  await page.getByText("connected", { exact: true }).waitFor();
  return page;
}

async function done(page) {
  assert.deepEqual(page.complaints, []);
  await page.context().close();
}

const talkButton = (page) => page.getByRole("button", { name: "Hold to talk" });
const talks = (page) => talkButton(page).getAttribute("aria-pressed").then((value) => value === "true");
const gain = (page, name) => page.getByRole("slider", { name: `Gain of ${name}` });
const gainText = (page, name) => gain(page, name).getAttribute("aria-valuetext");

test("home lists rooms with their people and follows what changes", async () => {
  const page = await at("/");
  const card = page.getByRole("link", { name: /ward-3/ });
  await card.getByText("Ines is talking").waitFor();
  assert.match(await card.innerText(), /bass\.flac/);
  server.rooms.clear();
  await page.getByText("No room is open").waitFor();
  await done(page);
});

test("a room's name is checked before the room is opened", async () => {
  const page = await at("/");
  await page.getByLabel("Room name").fill("ward 3");
  await page.getByRole("alert").getByText("a space cannot be in it").waitFor();
  await page.keyboard.press("Enter");
  assert.equal(new URL(page.url()).pathname, "/");
  await page.getByLabel("Room name").fill("ward-3");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "ward-3" }).waitFor();
  assert.equal(new URL(page.url()).pathname, "/room/ward-3");
  await page.goBack();
  await page.getByRole("heading", { name: "Open rooms" }).waitFor();
  await done(page);
});

test("an address that is no room says why and leads home", async () => {
  const page = await at("/room/a%20b");
  await page.getByText("a space cannot be in it").waitFor();
  await page.getByRole("link", { name: "See all rooms" }).click();
  await page.getByRole("heading", { name: "Open rooms" }).waitFor();
  await done(page);
});

test("the door asks for a name and remembers it", async () => {
  const page = await at("/room/ward-3");
  await page.getByRole("button", { name: "Join and talk" }).click();
  await page.getByRole("alert").getByText("Say who you are").waitFor();
  await page.getByLabel("Your name").fill("Mira");
  await page.reload();
  assert.equal(await page.getByLabel("Your name").inputValue(), "Mira");
  await done(page);
});

for (const [error, words] of [
  ["NotAllowedError", "was told not to give this page the microphone"],
  ["NotFoundError", "No microphone was found"],
  ["NotReadableError", "another program is using it"],
]) {
  test(`a microphone that fails with ${error} is said in a sentence, and listening still works`, async () => {
    const page = await at("/room/ward-3");
    await page.evaluate((name) => {
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException("no", name));
    }, error);
    await page.getByLabel("Your name").fill("Mira");
    await page.getByRole("button", { name: "Join and talk" }).click();
    await page.getByText(words).waitFor();
    await page.getByRole("button", { name: "Just listen" }).click();
    await page.getByText("You are listening. Nobody hears you.").waitFor();
    await done(page);
  });
}

test("a person who says no to the browser's question is told what to do", async () => {
  const strict = await launch({ granted: false });
  const page = await open(strict, `${server.url}/room/ward-3`, { prepare: stubPeerConnections });
  await page.getByLabel("Your name").fill("Mira");
  await page.getByRole("button", { name: "Join and talk" }).click();
  await page.getByText("Allow it beside the address").waitFor();
  await strict.close();
});

test("a refused token is said at the door and not tried again", async () => {
  server.refusal = { type: "/problems/unauthorized", title: "Unauthorized", status: 401, detail: "no token" };
  const page = await at("/room/ward-3");
  await page.getByLabel("Your name").fill("Mira");
  await page.getByRole("button", { name: "Join and talk" }).click();
  await page.getByText("This server asks for a token").waitFor();
  await page.context().close();
});

test("a token from the address goes with every call and out of the address", async () => {
  const page = await at("/room/ward-3?token=abc.def");
  assert.equal(new URL(page.url()).search, "");
  const offer = page.waitForRequest("**/api/offer");
  const socket = page.waitForEvent("websocket");
  await page.getByLabel("Your name").fill("Mira");
  await page.getByRole("button", { name: "Just listen" }).click();
  assert.equal((await offer).headers().authorization, "Bearer abc.def");
  assert.equal(new URL((await socket).url()).searchParams.get("access_token"), "abc.def");
  await done(page);
});

test("the offer asks for stereo, with the name and the same client id after a reload", async () => {
  const page = await at("/room/ward-3");
  const offers = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/api/offer")) offers.push(request.postDataJSON());
  });
  for (const _ of [1, 2]) {
    await page.getByLabel("Your name").fill("Mira");
    await page.getByRole("button", { name: "Join and talk" }).click();
    await page.getByText("connected", { exact: true }).waitFor();
    await page.reload();
  }
  assert.match(offers[0].offer.sdp, /stereo=1;sprop-stereo=1/);
  assert.deepEqual({ room: offers[0].room, name: offers[0].name, role: offers[0].role }, { room: "ward-3", name: "Mira", role: "talker" });
  assert.match(offers[0].clientId, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(offers[1].clientId, offers[0].clientId);
  await done(page);
});

test("the space bar talks while it is down", async () => {
  const page = await inRoom();
  assert.equal(await talks(page), false);
  await page.keyboard.down("Space");
  await page.keyboard.down("Space");
  assert.equal(await talks(page), true);
  await page.keyboard.up("Space");
  assert.equal(await talks(page), false);
  await done(page);
});

test("after a click on a button the space bar talks and does not press the button again", async () => {
  const page = await inRoom();
  const mute = page.getByRole("button", { name: "Mute Ines" });
  await mute.click();
  await page.keyboard.down("Space");
  assert.equal(await talks(page), true);
  await page.keyboard.up("Space");
  assert.equal(await mute.getAttribute("aria-pressed"), "true");
  await done(page);
});

test("a button that the keyboard reached is pressed by space", async () => {
  const page = await inRoom();
  await gain(page, "Ines").focus();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Space");
  assert.equal(await page.getByRole("button", { name: "Mute Ines" }).getAttribute("aria-pressed"), "true");
  assert.equal(await talks(page), false);
  await done(page);
});

test("losing the window lets go of the key", async () => {
  const page = await inRoom();
  await page.keyboard.down("Space");
  await page.evaluate(() => window.dispatchEvent(new Event("blur")));
  await eventually(async () => !(await talks(page)), "still talking");
  await done(page);
});

test("the button talks while the mouse holds it, wherever the mouse goes", async () => {
  const page = await inRoom();
  await talkButton(page).hover();
  await page.mouse.down();
  assert.equal(await talks(page), true);
  await page.mouse.move(10, 10);
  await holdOn(page);
  assert.equal(await talks(page), true);
  await page.mouse.up();
  assert.equal(await talks(page), false);
  await done(page);
});

test("a finger holds the button", async () => {
  const page = await inRoom({ viewport: PHONE, hasTouch: true, isMobile: true });
  const box = await talkButton(page).boundingBox();
  const touch = await page.context().newCDPSession(page);
  const point = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [point] });
  assert.equal(await talks(page), true);
  await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [{ x: point.x, y: point.y - 60 }] });
  await holdOn(page);
  assert.equal(await talks(page), true);
  await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  assert.equal(await talks(page), false);
  await done(page);
});

test("keep talking stays on until it is turned off", async () => {
  const page = await inRoom();
  const keep = page.getByRole("switch", { name: "Keep talking" });
  await keep.click();
  assert.equal(await talks(page), true);
  await page.evaluate(() => window.dispatchEvent(new Event("blur")));
  assert.equal(await talks(page), true);
  await keep.click();
  assert.equal(await talks(page), false);
  await done(page);
});

test("a fader is dragged by its own way, sends 30 times a second and keeps off the patches", async () => {
  const page = await inRoom();
  const box = await gain(page, "Ines").boundingBox();
  const x = box.x + box.width / 2;
  const y = box.y + box.height * 0.6;
  // Beside the cap: taking hold alone moves nothing.
  await page.mouse.move(x, y);
  await page.mouse.down();
  assert.equal(await gainText(page, "Ines"), "0.0 dB");
  const start = Date.now();
  for (let i = 1; i <= 60; i += 1) {
    await page.mouse.move(x, y + i);
    if (i === 30) server.patch({ change: "track", id: "ines", gain_db: 12 });
  }
  const elapsed = Date.now() - start;
  const dragged = await gainText(page, "Ines");
  assert.match(dragged, /^−/);
  await page.mouse.up();
  const shown = -Number(dragged.slice(1, -3));
  await eventually(() => server.commands.at(-1)?.gain_db === shown, "the last value is sent");
  assert.equal(await gainText(page, "Ines"), dragged);
  const most = elapsed / 33 + 3;
  assert.ok(server.commands.length <= most, `${server.commands.length} commands in ${elapsed} ms`);
  server.patch({ change: "track", id: "ines", gain_db: 2 });
  await eventually(async () => (await gainText(page, "Ines")) === "+2.0 dB", "after the release the server counts");
  await done(page);
});

test("a double click is 0 dB, an arrow half a decibel", async () => {
  const page = await inRoom();
  const box = await gain(page, "bass.flac").boundingBox();
  await page.mouse.dblclick(box.x + box.width / 2, box.y + box.height / 2);
  await eventually(() => server.commands.at(-1)?.gain_db === 0, "reset");
  await gain(page, "bass.flac").press("ArrowDown");
  await eventually(() => server.commands.at(-1)?.gain_db === -0.5, "a step");
  assert.equal(await gainText(page, "bass.flac"), "−0.5 dB");
  await page.getByRole("slider", { name: "Pan of bass.flac" }).press("ArrowRight");
  await eventually(() => server.commands.at(-1)?.pan === -0.45, "pan");
  await page.getByRole("slider", { name: "Master gain" }).press("PageDown");
  await eventually(() => server.commands.at(-1)?.master_gain_db === -3, "master");
  await done(page);
});

test("a refused move is said and taken back", async () => {
  server.judge = () => ({ type: "/problems/forbidden", title: "Forbidden", status: 403, detail: "this token may not mix" });
  const page = await inRoom();
  await gain(page, "Ines").press("ArrowUp");
  await page.getByRole("alert").getByText("this token may not mix").waitFor();
  assert.equal(await gainText(page, "Ines"), "0.0 dB");
  await done(page);
});

test("a missing version is healed by a new snapshot, unseen", async () => {
  const page = await inRoom();
  const before = server.sockets[0];
  server.version += 5;
  server.rooms.get("ward-3").tracks[0].name = "Ines B";
  server.patch({ change: "listeners", listeners: 9 });
  await page.getByRole("article", { name: "Strip of Ines B" }).waitFor();
  assert.notEqual(server.sockets[0], before);
  assert.equal(await page.getByText("Offline").count(), 0);
  await done(page);
});

test("a server that goes away is waited for, with the seconds, and joined again by itself", async () => {
  const page = await inRoom();
  await server.stop();
  await page.getByText(/^Offline: next try in \d s\./).waitFor();
  assert.equal(await talkButton(page).isDisabled(), true);
  await page.getByText("Offline: next try in 2 s.").waitFor();
  await server.start();
  await page.getByText("connected", { exact: true }).waitFor();
  assert.equal(await talkButton(page).isDisabled(), false);
  await page.context().close();
});

test("who is taken out of the room is told so and may come again", async () => {
  const page = await inRoom();
  const own = server.rooms.get("ward-3").tracks.pop();
  server.patch({ change: "left", id: own.id });
  await page.getByText("You were taken out of the room").waitFor();
  await page.getByRole("button", { name: "Join and talk" }).click();
  await page.getByText("connected", { exact: true }).waitFor();
  await done(page);
});

test("closing the page hangs up", async () => {
  const page = await inRoom();
  await page.goto("about:blank");
  await eventually(() => server.hungUp.length === 1 || server.hungUp, "no hang-up");
  await done(page);
});

test("meters move on one canvas, and the clip mark stays until it is clicked", async () => {
  const page = await inRoom();
  const ink = () =>
    page.evaluate(() => {
      const canvases = document.querySelectorAll("canvas");
      const { width, height } = canvases[0];
      const copy = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
      copy.drawImage(canvases[0], 0, 0);
      const pixels = copy.getImageData(0, 0, width, height).data;
      let drawn = 0;
      for (let i = 3; i < pixels.length; i += 4) drawn += pixels[i] > 0 ? 1 : 0;
      return { canvases: canvases.length, drawn };
    });
  server.send(meters({ levels: { ines: -20, bass: -3 }, peaks: { ines: -9, bass: 0 }, master_dbfs: -3 }));
  await eventually(async () => (await ink()).drawn > 3000, "nothing is drawn");
  assert.equal((await ink()).canvases, 1);
  const clip = page.getByRole("button", { name: /Level of bass.flac.*clear the mark/ });
  await clip.click();
  await eventually(async () => (await clip.count()) === 0, "the mark stays");
  await done(page);
});

for (const [name, viewport] of [["phone", PHONE], ["desk", DESK]]) {
  for (const colorScheme of ["dark", "light"]) {
    test(`no screen fails the accessibility rules or overflows (${name}, ${colorScheme})`, async () => {
      const options = { viewport, colorScheme };
      const check = async (page, what) => {
        await page.evaluate(AXE);
        const found = await page.evaluate(async () => {
          const { violations } = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] });
          return violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target} ${n.any[0]?.message ?? ""}`));
        });
        assert.deepEqual(found, [], what);
        const wide = await page.evaluate(() => document.scrollingElement.scrollWidth);
        assert.ok(wide <= viewport.width, `${what} is ${wide} px wide`);
      };
      let page = await at("/", options);
      await page.getByText("Ines is talking").waitFor();
      await check(page, "home");
      await page.context().close();
      page = await at("/room/ward-3", options);
      await check(page, "door");
      await page.context().close();
      page = await inRoom(options);
      await page.getByRole("switch", { name: "Keep talking" }).click();
      await check(page, "talk");
      if (name === "phone") {
        await page.getByRole("button", { name: "Desk", exact: true }).click();
        await check(page, "desk");
      }
      await page.context().close();
    });
  }
}
