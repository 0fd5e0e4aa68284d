/** Draws the icons of the installed app out of `public/favicon.svg`: `npm run icons`. */

import { readFile, writeFile } from "node:fs/promises";
import { launch } from "../e2e/browser.mjs";

const PUBLIC = new URL("../public/", import.meta.url);
const svg = await readFile(new URL("favicon.svg", PUBLIC), "utf8");
const background = /<rect width="32" height="32"[^>]* fill="(#\w+)"/.exec(svg)[1];

/** A launcher may cut a maskable icon down to a circle of 80 % of its width. */
const MASKABLE = 0.7;

const browser = await launch();
const page = await browser.newPage();
for (const [name, size, part] of [["icon-192", 192, 1], ["icon-512", 512, 1], ["icon-maskable-512", 512, MASKABLE]]) {
  await page.setViewportSize({ width: size, height: size });
  const colour = part < 1 ? background : "transparent";
  await page.setContent(`<body style="margin:0;display:grid;place-items:center;height:${size}px;background:${colour}">
    <div style="width:${size * part}px;height:${size * part}px;display:grid">${svg}</div></body>`);
  await writeFile(new URL(`${name}.png`, PUBLIC), await page.screenshot({ omitBackground: true }));
}
await browser.close();
