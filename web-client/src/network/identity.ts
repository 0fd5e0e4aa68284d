/** Who calls: the token that the address brought, and an id that outlives a reload of the tab. */

const TOKEN = "mixminus.token";
const CLIENT = "mixminus.client";

/** Takes `?token=` out of the address, so that it is not copied on with it, and keeps it in the tab. */
export function takeToken(): void {
  const url = new URL(location.href);
  const token = url.searchParams.get("token");
  if (token === null) return;
  sessionStorage.setItem(TOKEN, token);
  url.searchParams.delete("token");
  history.replaceState(history.state, "", url);
}

export function token(): string | null {
  return sessionStorage.getItem(TOKEN);
}

/** The same uuid for the life of the tab: the server knows a reconnect by it. */
export function clientId(): string {
  const known = sessionStorage.getItem(CLIENT);
  if (known !== null) return known;
  const fresh = uuid();
  sessionStorage.setItem(CLIENT, fresh);
  return fresh;
}

/** `crypto.randomUUID` exists on secure pages only; this one everywhere. */
function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (b) => b.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
