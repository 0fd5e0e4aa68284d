/** Debian's chromium, with a microphone that plays a file and no word to the outside. */

import { join } from "node:path";
import { chromium } from "playwright-core";

const FLAGS = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-default-apps",
  "--disable-sync",
  "--disable-breakpad",
  "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider,LocalNetworkAccessChecks,LocalNetworkAccessChecksWebSockets",
  "--no-first-run",
  "--mute-audio",
  "--autoplay-policy=document-user-activation-required",
  "--use-fake-device-for-media-stream",
];

/** `microphone`: the path of a WAV file that is played in a loop, or null for chromium's own beep.
 * `granted`: whether the question for the microphone is answered by yes. */
export function launch({ microphone = null, granted = true } = {}) {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      ...FLAGS,
      ...(granted ? ["--use-fake-ui-for-media-stream"] : []),
      ...(microphone === null ? [] : [`--use-file-for-fake-audio-capture=${microphone}`]),
    ],
  });
}

/** A page that remembers what the console complained of, in `page.complaints`. */
export async function open(browser, url, options = {}) {
  const context = await browser.newContext(options);
  // A machine that is busy takes its time; what never comes is found all the same.
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  page.complaints = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) page.complaints.push(message.text());
  });
  page.on("pageerror", (error) => page.complaints.push(String(error)));
  if (process.env.MIXMINUS_E2E_DIST !== undefined) await pagesFrom(context, process.env.MIXMINUS_E2E_DIST);
  if (options.prepare !== undefined) await page.addInitScript(options.prepare);
  await page.goto(url);
  return page;
}

/** Pages come from this folder and not out of the server's program, which takes minutes to build. */
async function pagesFrom(context, dist) {
  const give = (file) => (route) => route.fulfill({ path: join(dist, file ?? new URL(route.request().url()).pathname) });
  await context.route("**/assets/*", give());
  for (const file of ["favicon.svg", "manifest.webmanifest", "icon-*.png", "shell-worker.js"]) await context.route(`**/${file}`, give());
  await context.route((url) => url.pathname === "/" || url.pathname.startsWith("/room/"), give("index.html"));
}

/** Comes into a room by the page's own door, and is connected. */
export async function come(browser, url, room, name, button = "Join and talk") {
  const page = await open(browser, `${url}/room/${room}`, { viewport: { width: 1280, height: 800 } });
  await page.getByLabel("Your name").fill(name);
  // A tone is noise to a browser that cleans voices up.
  const cleanUp = page.getByRole("switch", { name: "Clean up my voice" });
  if ((await cleanUp.getAttribute("aria-checked")) === "true") await cleanUp.click();
  await page.getByRole("button", { name: button }).click();
  await page.getByText("connected", { exact: true }).waitFor();
  return page;
}
