/**
 * The service worker: keeps the shell of the page, so that it opens with no server and can say so. The page
 * itself always comes from the server if that answers; only then is the kept one used. It touches nothing
 * else: no call, no sound, no metric. The build writes the list and its version.
 */

const VERSION = "mixminus-shell-__VERSION__";
const SHELL = __SHELL__;
/** A server that has not begun to answer by then is not waited for. */
const PATIENCE_MS = 4000;

addEventListener("install", (event) => {
  // Browsers that can are told to pass calls by this worker altogether: a hang-up must not wait for it.
  event.addRoutes?.(["/api/*", "/whip/*", "/whep/*", "/metrics"].map((pathname) => ({ condition: { urlPattern: { pathname } }, source: "network" })))?.catch(() => {});
  event.waitUntil(
    caches
      .open(VERSION)
      .then((cache) => cache.addAll(SHELL.map((path) => new Request(path, { cache: "reload" }))))
      .then(() => skipWaiting()),
  );
});

addEventListener("activate", (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.map((name) => name !== VERSION && name.startsWith("mixminus-shell-") && caches.delete(name))))
      .then(() => clients.claim()),
  );
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== location.origin) return;
  const isPage = request.mode === "navigate" && (url.pathname === "/" || url.pathname.startsWith("/room/"));
  if (isPage) event.respondWith(newest(request));
  // What a name under assets/ holds never changes.
  else if (url.pathname.startsWith("/assets/") && SHELL.includes(url.pathname)) event.respondWith(kept(request));
});

async function newest(request) {
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MS) });
    if (response.ok) return response;
  } catch {
    // No server.
  }
  return (await caches.match("/", { cacheName: VERSION })) ?? fetch(request);
}

async function kept(request) {
  return (await caches.match(request, { cacheName: VERSION, ignoreVary: true })) ?? fetch(request);
}
