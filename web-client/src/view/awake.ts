/** Keeps the screen on. The browser takes the lock back whenever the page is hidden. */

/** Until the returned function is called. */
export function stayAwakeWhile(): () => void {
  // Pages that are not secure have none, nor have old browsers.
  const locks = (navigator as { wakeLock?: WakeLock }).wakeLock;
  if (locks === undefined) return () => {};
  const stop = new AbortController();
  let lock: WakeLockSentinel | null = null;
  const take = async () => {
    if (document.hidden || (lock !== null && !lock.released)) return;
    try {
      const got = await locks.request("screen");
      if (stop.signal.aborted) await got.release();
      else lock = got;
    } catch {
      // A battery that is low refuses it; the next look at the page asks again.
    }
  };
  document.addEventListener("visibilitychange", () => void take(), { signal: stop.signal });
  void take();
  return () => {
    stop.abort();
    void lock?.release();
  };
}
