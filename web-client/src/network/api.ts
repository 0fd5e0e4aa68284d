/** The server's REST calls that the page makes. */

import { requestSentence } from "../state/words";
import { token } from "./identity";
import type { Offer, OfferAnswer, PersonalMix, Problem, RoomState } from "./wire";

/** A longer answer than this means that the server is not there. */
const PATIENCE_MS = 8000;

/** A request that was refused, or not answered (`status` 0). The message is a sentence for people. */
export class RequestError extends Error {
  override readonly name = "RequestError";
  readonly status: number;

  constructor(status: number, problem: Problem | null) {
    super(requestSentence(status, problem));
    this.status = status;
  }
}

export function listRooms(): Promise<RoomState[]> {
  return json<RoomState[]>("/api/rooms");
}

/** A room before one joins it; null if nobody has opened it, or the token is not for it. */
export async function lookIntoRoom(room: string): Promise<RoomState | null> {
  return (await listRooms()).find((r) => r.room === room) ?? null;
}

/** Whether the server takes new peers; false while it is stopping or gone. */
export async function isReady(): Promise<boolean> {
  try {
    await call("/api/ready");
    return true;
  } catch {
    return false;
  }
}

/** Joins: the answer, and the address at which this peer is hung up. */
export async function postOffer(offer: Offer): Promise<{ answer: OfferAnswer; location: string }> {
  const response = await call("/api/offer", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(offer),
  });
  const answer = (await response.json()) as OfferAnswer;
  const own = `/api/rooms/${encodeURIComponent(answer.room)}/peers/${encodeURIComponent(answer.trackId)}`;
  return { answer, location: response.headers.get("Location") ?? own };
}

/** Whether the server still knows this peer. Rejects when the server does not answer. */
export function isJoined(location: string): Promise<boolean> {
  return call(location).then(
    () => true,
    (error: RequestError) => {
      if (error.status === 404) return false;
      throw error;
    },
  );
}

/** Publishes by WHIP (RFC 9725): the answer, and the address at which it is hung up. */
export async function postWhip(room: string, strip: Record<string, string>, sdp: string): Promise<{ sdp: string; location: string }> {
  const response = await call(`/whip/${encodeURIComponent(room)}?${new URLSearchParams(strip)}`, {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: sdp,
  });
  return { sdp: await response.text(), location: response.headers.get("Location") ?? "" };
}

/** How the tracks of a room sound to one of its peers. */
export function personalMix(room: string, peer: string): Promise<PersonalMix> {
  return json<PersonalMix>(`/api/rooms/${encodeURIComponent(room)}/peers/${encodeURIComponent(peer)}/mix`);
}

/** Hangs a peer up. `keepalive`: goes out even when the page goes away. */
export async function hangUp(location: string): Promise<void> {
  await fetch(location, { method: "DELETE", headers: bearer(), keepalive: true }).catch(() => {
    // The server finds out by itself when the peer's packets stop.
  });
}

/** The address of a room's WebSocket; browsers cannot give it a header. */
export function socketUrl(room: string): string {
  const url = new URL(`/api/rooms/${encodeURIComponent(room)}/ws`, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const access = token();
  if (access !== null) url.searchParams.set("access_token", access);
  return url.href;
}

async function json<T>(path: string): Promise<T> {
  const response = await call(path);
  return (await response.json()) as T;
}

async function call(path: string, init: RequestInit = {}): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(path, {
      cache: "no-store",
      ...init,
      headers: { ...init.headers, ...bearer() },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
  } catch {
    throw new RequestError(0, null);
  }
  if (!response.ok) throw new RequestError(response.status, await problemOf(response));
  return response;
}

async function problemOf(response: Response): Promise<Problem | null> {
  if (!response.headers.get("Content-Type")?.includes("json")) return null;
  return response.json().then(
    (body: Problem) => (typeof body.detail === "string" ? body : null),
    () => null,
  );
}

function bearer(): Record<string, string> {
  const access = token();
  return access === null ? {} : { Authorization: `Bearer ${access}` };
}
