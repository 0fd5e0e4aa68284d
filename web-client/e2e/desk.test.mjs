/** The mixing desk under the hand: mouse, keyboard and finger, against a server that speaks the wire. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { PHONE, button, done, drag, eventually, fill, head, inRoom, menu, said, server, setUp, slider, spoken, strip } from "./hands.mjs";
import { track } from "./mock-server.mjs";
import { wav } from "./tone.mjs";

setUp();

test("gain and pan are typed by hand and by keyboard", async () => {
  const page = await inRoom();
  await button(page, "Gain of Ines: 0.0, type a value").click();
  const field = page.getByRole("textbox", { name: "Gain of Ines, type a value" });
  await field.fill("−4,5 dB");
  await field.press("Enter");
  await said({ command: "set_track", id: "ines", gain_db: -4.5 });
  assert.equal(await spoken(page, "Gain of Ines"), "−4.5 dB");

  // On the fader a digit or Enter begins to type, and Escape leaves all as it was.
  await slider(page, "Gain of Ines").press("3");
  assert.equal(await field.inputValue(), "3");
  await field.press("Enter");
  await said({ id: "ines", gain_db: 3 });
  await eventually(() => slider(page, "Gain of Ines").evaluate((it) => it === document.activeElement), "the keyboard is back on the fader");
  await slider(page, "Gain of Ines").press("Enter");
  await field.fill("off");
  await field.press("Escape");
  assert.equal(await spoken(page, "Gain of Ines"), "+3.0 dB");
  await slider(page, "Gain of Ines").press("Enter");
  await field.fill("off");
  await field.press("Enter");
  await said({ id: "ines", gain_db: -60 });

  await slider(page, "Gain of Ines").press("Enter");
  await field.fill("loud");
  await field.press("Enter");
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await field.press("Escape");

  await slider(page, "Pan of Ines").press("l");
  const pan = page.getByRole("textbox", { name: "Pan of Ines, type a value" });
  await pan.fill("L40");
  await pan.press("Enter");
  await said({ id: "ines", pan: -0.4 });
  await button(page, "Pan of Ines: L40, type a value").click();
  await pan.fill("C");
  await pan.press("Enter");
  await said({ id: "ines", pan: 0 });
  await done(page);
});

test("keys move the faders by the book, and a double click sets them back", async () => {
  const page = await inRoom();
  const steps = [["ArrowUp", 0.5], ["PageUp", 3.5], ["PageDown", 0.5], ["ArrowDown", 0], ["End", 20], ["Home", -60], ["Delete", 0]];
  for (const [key, gain_db] of steps) {
    await slider(page, "Gain of Ines").press(key);
    await said({ id: "ines", gain_db });
  }
  const knob = await slider(page, "Pan of bass.flac").boundingBox();
  await page.mouse.dblclick(knob.x + 20, knob.y + 20);
  await said({ id: "bass", pan: 0 });
  await slider(page, "Master gain").press("ArrowDown");
  await said({ command: "set_room", master_gain_db: -0.5 });
  const master = await slider(page, "Master gain").boundingBox();
  await page.mouse.dblclick(master.x + master.width / 2, master.y + master.height / 2);
  await said({ command: "set_room", master_gain_db: 0 });
  await done(page);
});

test("a name is changed by double click, by F2 and from the menu", async () => {
  const page = await inRoom();
  await head(page, "Ines").dblclick();
  let field = page.getByRole("textbox", { name: "New name of the strip Ines" });
  await field.fill("Ines B");
  await field.press("Enter");
  await said({ command: "set_track", id: "ines", name: "Ines B" });
  await head(page, "Ines B").press("F2");
  field = page.getByRole("textbox", { name: "New name of the strip Ines B" });
  await field.fill("   ");
  await field.press("Enter");
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  await field.press("Escape");
  await strip(page, "Ines B").waitFor();
  const sheet = await menu(page, "Ines B");
  await sheet.getByRole("button", { name: "Rename" }).click();
  await field.fill("Ines");
  await field.press("Enter");
  await strip(page, "Ines").waitFor();
  await done(page);
});

test("arrows go from head to head", async () => {
  const page = await inRoom();
  await head(page, "Ines").focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await head(page, "Sam").evaluate((it) => it === document.activeElement), true);
  await page.keyboard.press("End");
  assert.equal(await head(page, "bass.flac").evaluate((it) => it === document.activeElement), true);
  await done(page);
});

test("the bus of a strip is chosen on it", async () => {
  const page = await inRoom();
  const bus = page.getByRole("combobox", { name: "Bus of bass.flac" });
  assert.equal(await bus.inputValue(), "program");
  await bus.selectOption("announcement");
  await said({ command: "set_track", id: "bass", bus: "announcement" });
  server.patch({ change: "track", id: "bass", bus: "voice" });
  await eventually(async () => (await bus.inputValue()) === "voice", "what another desk chose shows");
  await done(page);
});

test("solo and what is only for me goes to nobody else, and comes back after a reload", async () => {
  const page = await inRoom();
  await button(page, "Solo Ines").click();
  await said({ command: "set_mix", tracks: { ines: { solo: true } } });
  await page.getByText("You hear solo only").waitFor();
  await button(page, "Solo Sam").click({ modifiers: ["Shift"] });
  await said({ command: "set_mix", tracks: { ines: { solo: false }, sam: { solo: true } } });
  assert.equal(await button(page, "Solo Ines").getAttribute("aria-pressed"), "false");
  await button(page, "Solo Sam").click();
  await said({ tracks: { sam: { solo: false } } });

  const sheet = await menu(page, "Sam");
  const mine = sheet.getByRole("slider", { name: "My gain of Sam" });
  await mine.focus();
  for (let i = 0; i < 4; i += 1) await page.keyboard.press("PageDown");
  await said({ command: "set_mix", tracks: { sam: { gain_db: -12 } } });
  await sheet.getByRole("switch", { name: "Mute Ines for me" }).count();
  await page.keyboard.press("Escape");
  await strip(page, "Sam").getByText("me −12.0").waitFor();
  assert.equal(server.commands.some((c) => c.command === "set_track"), false);

  await page.reload();
  await page.getByRole("button", { name: "Just listen" }).click();
  await strip(page, "Sam").getByText("me −12.0").waitFor();
  await button(page, "Clear my mix").click();
  await eventually(async () => (await page.getByText("me −12.0").count()) === 0, "cleared");
  await said({ command: "set_mix", volume_db: 0 });
  await done(page);
});

test("automatic gain and noise reduction are switched by hand or key, show what they do, and can be undone", async () => {
  const page = await inRoom();
  let sheet = await menu(page, "Sam");
  const autoGain = sheet.getByRole("switch", { name: "Auto gain of Sam" });
  const noise = sheet.getByRole("switch", { name: "Reduce noise of Sam" });
  const on = (which) => eventually(async () => (await which.getAttribute("aria-checked")) === "true", "on");
  await autoGain.click();
  await said({ command: "set_track", id: "sam", auto_gain: true });
  await on(autoGain);
  assert.equal(await sheet.getByText("dB now").count(), 0, "nothing is said before the first figures");
  server.send({ type: "stats", tracks: { sam: { loss_percent: 0, jitter_ms: 1, delay_ms: 20, auto_gain_db: 6.2 } }, mixes: 1, tick_ms: 0.5 });
  await sheet.getByText("adds +6.2 dB now").waitFor();
  await noise.focus();
  await page.keyboard.press("Enter");
  await said({ command: "set_track", id: "sam", denoise: true });
  await on(noise);
  server.patchIn("ward-3", { change: "track", id: "sam", auto_gain: false });
  await eventually(async () => (await autoGain.getAttribute("aria-checked")) === "false", "what another desk chose shows");
  await eventually(async () => (await sheet.getByText("dB now").count()) === 0, "off it adds nothing");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+z");
  await said({ command: "set_track", id: "sam", denoise: false });
  await page.getByRole("article", { name: "Master strip" }).getByText("−1 dBTP").waitFor();
  await done(page);
});

test("who is taken out is asked for twice", async () => {
  const page = await inRoom();
  let sheet = await menu(page, "Sam");
  await sheet.getByRole("button", { name: "Take out of the room…" }).click();
  await sheet.getByRole("button", { name: "Keep" }).click();
  assert.equal(server.commands.length, 0);
  sheet = await menu(page, "Sam");
  await sheet.getByRole("button", { name: "Take out of the room…" }).click();
  await sheet.getByRole("button", { name: "Take out", exact: true }).click();
  await said({ command: "remove_track", id: "sam" });
  await eventually(async () => (await strip(page, "Sam").count()) === 0, "the strip stays");
  await done(page);
});

test("a head dropped on another strip makes a group, whose fader moves both and keeps their offset", async () => {
  const page = await inRoom();
  await drag(page, head(page, "Ines"), strip(page, "Sam"));
  await eventually(() => server.commands.length === 2, "both are told");
  assert.deepEqual(server.commands.map(({ id, group }) => [id, group]), [["ines", "Group 1"], ["sam", "Group 1"]]);
  const group = page.getByRole("article", { name: "Group strip of Group 1" });
  await group.waitFor();
  assert.equal(await spoken(page, "Gain of group Group 1"), "0.0 dB");

  const fader = slider(page, "Gain of group Group 1");
  await fader.press("PageDown");
  await eventually(async () => (await spoken(page, "Gain of Ines")) === "−3.0 dB" && (await spoken(page, "Gain of Sam")) === "−9.0 dB", "both move by 3 dB");
  const box = await fader.boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2 + 60, { steps: 12 });
  await page.mouse.up();
  const level = async (name) => Number((await spoken(page, `Gain of ${name}`)).replace("−", "-").replace(" dB", ""));
  await eventually(async () => (await level("Ines")) < -5 && Math.abs((await level("Ines")) - (await level("Sam")) - 6) < 0.05, "a drag keeps 6 dB between them");
  const last = (id) => server.commands.filter((c) => c.id === id).at(-1).gain_db;
  await eventually(async () => last("ines") === (await level("Ines")) && last("sam") === (await level("Sam")), "both were sent");

  await button(page, "Undo").click();
  await eventually(async () => (await level("Ines")) === -3 && (await level("Sam")) === -9, "the drag was one step");

  await button(page, "Mute group Group 1").click();
  await eventually(() => ["ines", "sam"].every((id) => server.rooms.get("ward-3").tracks.find((t) => t.id === id).muted), "mute all");

  await drag(page, head(page, "bass.flac"), group);
  await said({ id: "bass", group: "Group 1" });
  await page.getByText("3 strips").waitFor();
  const sheet = await menu(page, "Sam");
  await sheet.getByRole("button", { name: "Take out of Group 1" }).click();
  await said({ id: "sam", group: "" });

  await button(page, "Name of the group Group 1: rename").press("F2");
  const field = page.getByRole("textbox", { name: "New name of the group Group 1" });
  await field.fill("Band");
  await field.press("Enter");
  await page.getByRole("article", { name: "Group strip of Band" }).waitFor();
  await button(page, "Menu of the group Band").click();
  await page.getByRole("button", { name: "Dissolve the group" }).click();
  await eventually(async () => (await page.getByRole("article", { name: /^Group strip/ }).count()) === 0, "dissolved");
  await done(page);
});

test("a group is made by keyboard alone", async () => {
  const page = await inRoom();
  await button(page, "Menu of Ines").focus();
  await page.keyboard.press("Enter");
  const choice = page.getByRole("combobox", { name: "Group Ines with" });
  await choice.waitFor();
  await choice.focus();
  await choice.selectOption({ label: "Sam" });
  await page.getByRole("article", { name: "Group strip of Group 1" }).waitFor();
  await done(page);
});

test("undo and redo go by key and by button, and say whom they override", async () => {
  const page = await inRoom();
  assert.equal(await button(page, "Undo").isDisabled(), true);
  await slider(page, "Gain of Ines").press("PageDown");
  await button(page, "Mute Sam").click();
  await said({ id: "sam", muted: true });
  await page.keyboard.press("Control+z");
  await said({ id: "sam", muted: false });
  await page.keyboard.press("Control+Shift+z");
  await said({ id: "sam", muted: true });
  await page.keyboard.press("Control+z");
  await said({ id: "sam", muted: false });

  server.patch({ change: "track", id: "ines", gain_db: 5 });
  await eventually(async () => (await spoken(page, "Gain of Ines")) === "+5.0 dB", "another desk moves it");
  await button(page, "Undo").click();
  await said({ id: "ines", gain_db: 0 });
  await page.getByText("Undone: gain of Ines is 0.0 dB. Another hand had set gain of Ines to +5.0 dB since.").waitFor();
  assert.equal(await spoken(page, "Gain of Ines"), "0.0 dB");
  assert.equal(await button(page, "Undo").isDisabled(), true);
  await done(page);
});

test("undo leaves a text field alone", async () => {
  const page = await inRoom();
  await slider(page, "Gain of Ines").press("PageDown");
  await said({ id: "ines", gain_db: -3 });
  await head(page, "Sam").press("F2");
  await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
  await page.keyboard.press("Control+z");
  await page.keyboard.press("Escape");
  assert.deepEqual(server.commands.map(({ gain_db }) => gain_db), [-3]);
  await done(page);
});

test("the floor's panel shows who has it and who waits, grants and revokes", async () => {
  fill(server.rooms.get("ward-3").tracks, { mode: "open", floor_talk_ms: 20_000 });
  const page = await inRoom();
  const panel = page.getByRole("region", { name: "Floor" });
  await panel.getByText("All may talk at once.").waitFor();
  await panel.getByRole("button", { name: "By the floor" }).click();
  await said({ command: "set_room", mode: "floor" });
  await panel.getByText("The floor is free.").waitFor();

  const sheet = await menu(page, "Ines");
  await sheet.getByRole("button", { name: "Give the floor" }).click();
  await said({ command: "floor", id: "ines", action: "grant" });
  const holder = panel.getByRole("listitem").filter({ hasText: "Ines" });
  await holder.getByText(/^0:(20|1\d)$/).waitFor();
  await holder.getByText(/^0:1[0-8]$/).waitFor();

  const room = server.rooms.get("ward-3");
  room.floor.queue.push({ id: "sam", priority: 5, waited_ms: 3100 });
  server.patch({ change: "floor", events: [{ event: "queued", id: "sam", position: 1 }], floor: room.floor });
  const waiter = panel.getByRole("listitem").filter({ hasText: "Sam" });
  await waiter.getByText("1st").waitFor();
  await waiter.getByText("P5").waitFor();
  await waiter.getByText(/^waits ([4-9]|\d\d) s$/).waitFor();
  await panel.getByRole("button", { name: "Grant the floor to Sam" }).click();
  await said({ command: "floor", id: "sam", action: "grant" });
  await panel.getByRole("button", { name: "Revoke the floor of Sam" }).click();
  await said({ command: "floor", id: "sam", action: "revoke" });
  await panel.getByText("The floor is free.").waitFor();
  await done(page);
});

test("the settings of floor and buses are typed in the units of people", async () => {
  const page = await inRoom();
  await button(page, "Settings of the room").click();
  const sheet = page.getByRole("group", { name: "Settings of the room" });
  const field = (label) => sheet.getByRole("textbox", { name: label });
  await field("Longest talk").fill("12,5");
  await field("Longest talk").press("Enter");
  await said({ command: "set_room", floor_talk_ms: 12_500 });
  await field("Talk at once").fill("99");
  // Somebody else moves something meanwhile: what is half typed stays.
  server.rooms.get("ward-3").floor_queue = 17;
  server.patch({ change: "room", floor_queue: 17 });
  await eventually(async () => (await field("Places in the queue").inputValue()) === "17" || "not shown", "the change of another hand");
  assert.equal(await field("Talk at once").inputValue(), "99");
  await field("Talk at once").press("Enter");
  await said({ floor_holders: 16 });
  await field("A voice pushes programs down").fill("18");
  await field("comes back within").focus();
  await said({ duck_db: 18 });
  await sheet.getByRole("switch", { name: "A higher priority takes the floor" }).click();
  await said({ floor_preemption: false });
  await field("Places in the queue").fill("many");
  await field("Places in the queue").press("Enter");
  assert.equal(await field("Places in the queue").inputValue(), "17");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+z");
  await said({ floor_preemption: true });
  await done(page);
});

test("a file plays by WHIP as a program, can be paused, sought and looped, and hangs up at the end", async () => {
  const page = await inRoom();
  const input = page.getByLabel("Play a file into the room");
  await input.setInputFiles({ name: "jingle.wav", mimeType: "audio/wav", buffer: wav(440, -12, 20) });
  await strip(page, "jingle.wav").waitFor();
  const { sdp, ...query } = server.published[0];
  assert.deepEqual(query, { room: "ward-3", name: "jingle.wav", kind: "file", bus: "program" });
  assert.match(sdp, /stereo=1/);
  await button(page, "Pause jingle.wav").click();
  const position = slider(page, "Position in jingle.wav");
  assert.match(await position.getAttribute("aria-valuetext"), /^0:\d\d of 0:20$/);
  await position.press("PageUp");
  assert.equal(await position.getAttribute("aria-valuetext"), "0:20 of 0:20");
  await position.press("PageDown");
  assert.equal(await position.getAttribute("aria-valuetext"), "0:00 of 0:20");
  await button(page, "Loop jingle.wav").click();
  assert.equal(await button(page, "Loop jingle.wav").getAttribute("aria-pressed"), "true");
  await button(page, "Loop jingle.wav").click();

  // Two at once, each with its own strip.
  await input.setInputFiles({ name: "bell.wav", mimeType: "audio/wav", buffer: wav(880, -12, 30) });
  await strip(page, "bell.wav").waitFor();
  await button(page, "Stop bell.wav").click();
  await eventually(() => server.hungUp.some((path) => path.endsWith("/peers/file-2")), "stop hangs up");

  await button(page, "Play jingle.wav").click();
  for (let i = 0; i < 3; i += 1) await position.press("ArrowRight");
  assert.equal(server.hungUp.some((path) => path.endsWith("/peers/file-1")), false);
  await position.press("PageUp");
  await eventually(() => server.hungUp.some((path) => path.endsWith("/peers/file-1")), "the end hangs up");
  await eventually(async () => (await button(page, "Stop jingle.wav").count()) === 0, "the player goes");
  await done(page);
});

test("what is no sound says so, and leaving the page ends what plays", async () => {
  const page = await inRoom();
  const input = page.getByLabel("Play a file into the room");
  await input.setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no sound") });
  await page.getByText("This browser cannot read it").waitFor();
  assert.equal(server.published.length, 0);
  await button(page, "Stop notes.txt").click();
  await input.setInputFiles({ name: "long.wav", mimeType: "audio/wav", buffer: wav(440, -12, 30) });
  await strip(page, "long.wav").waitFor();
  await page.goto("about:blank");
  await eventually(() => server.hungUp.some((path) => path.endsWith("/peers/file-1")), "hung up");
  await page.context().close();
});

test("a file that is dropped on the desk plays", async () => {
  const page = await inRoom();
  const data = await page.evaluateHandle((bytes) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], "dropped.wav", { type: "audio/wav" }));
    return transfer;
  }, wav(440, -12, 20).toString("base64"));
  const desk = page.getByRole("region", { name: "Mixing desk" });
  for (const type of ["dragover", "drop"]) await desk.dispatchEvent(type, { dataTransfer: data });
  await strip(page, "dropped.wav").waitFor();
  assert.equal(server.published[0].name, "dropped.wav");
  await button(page, "Stop dropped.wav").click();
  await done(page);
});

test("a finger moves a fader without moving the page, and swipes the strips", async () => {
  fill(Array.from({ length: 8 }, (_, i) => track({ id: `t${i}`, name: `Track ${i}` })));
  const page = await inRoom({ viewport: PHONE, hasTouch: true, isMobile: true });
  // First the tap: right after a swipe the browser takes none.
  const mute = await button(page, "Mute Track 0").boundingBox();
  assert.ok(mute.height >= 36 && mute.width >= 36, `${mute.width} × ${mute.height}`);
  await button(page, "Mute Track 0").tap();
  await said({ id: "t0", muted: true });
  const touch = await page.context().newCDPSession(page);
  const finger = (type, x, y) => touch.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x, y }] });
  const box = await slider(page, "Gain of Track 0").boundingBox();
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const scrolled = () => page.evaluate(() => [...document.querySelectorAll("[data-scrolls]")].map((it) => [it.scrollLeft, it.scrollTop]).flat());
  const before = await scrolled();
  await finger("touchStart", x, y);
  for (let i = 1; i <= 10; i += 1) await finger("touchMove", x, y + i * 5);
  await finger("touchEnd");
  await eventually(() => server.commands.at(-1)?.gain_db < -3, "the fader moves");
  assert.deepEqual(await scrolled(), before);
  await done(page);
});

test("a long press on a head drags it into a group", async () => {
  const page = await inRoom({ viewport: PHONE, hasTouch: true, isMobile: true });
  const touch = await page.context().newCDPSession(page);
  const finger = (type, x, y) => touch.send("Input.dispatchTouchEvent", { type, touchPoints: type === "touchEnd" ? [] : [{ x, y }] });
  const [from, to] = [await head(page, "Ines").boundingBox(), await head(page, "Sam").boundingBox()];
  await finger("touchStart", from.x + 20, from.y + 12);
  await page.locator(".ghost").waitFor();
  for (let i = 1; i <= 8; i += 1) await finger("touchMove", from.x + 20 + ((to.x - from.x) * i) / 8, from.y + 12);
  await finger("touchEnd");
  await page.getByRole("article", { name: "Group strip of Group 1" }).waitFor();
  await done(page);
});

test("while the line is down the desk is grey, says so, and nothing moves", async () => {
  const page = await inRoom();
  await server.stop();
  await page.getByText("The line is down: the desk stands as it was last seen").waitFor();
  for (const name of ["Gain of Ines", "Pan of Ines", "Master gain"]) assert.equal(await slider(page, name).isDisabled(), true, name);
  assert.equal(await button(page, "Mute Ines").isDisabled(), true);
  await server.start();
  await page.getByText("connected", { exact: true }).waitFor();
  assert.equal(await slider(page, "Gain of Ines").isDisabled(), false);
  await page.context().close();
});

test("every control of a strip is reached by the Tab key", async () => {
  const page = await inRoom();
  await head(page, "Ines").focus();
  const names = [];
  for (let i = 0; i < 7; i += 1) {
    names.push(await page.evaluate(() => document.activeElement.getAttribute("aria-label")));
    const ring = await page.evaluate(() => {
      const it = document.activeElement;
      const around = it.closest(".knob, .fader") ?? it;
      return getComputedStyle(around).outlineStyle;
    });
    if (i > 0) assert.notEqual(ring, "none", `the focus on ${names.at(-1)} is seen`);
    await page.keyboard.press("Tab");
  }
  assert.deepEqual(names, ["Name of Ines: rename", "Menu of Ines", "Pan of Ines", "Gain of Ines", "Mute Ines", "Solo Ines", "Bus of Ines"]);
  await done(page);
});
