/** A server that speaks the wire but carries no sound: for what a real one does not do on demand
 * (a missing version, a refusal), and for looking at the pages. */

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { WebSocketServer } from "ws";

const DIST = new URL("../dist/", import.meta.url);
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png", ".webmanifest": "application/manifest+json" };

export class MockServer {
  /** Room name → RoomState. */
  rooms = new Map();
  version = 1;
  /** Commands as they came, but for those that a page sends by itself. */
  commands = [];
  /** Hang-ups as they came. */
  hungUp = [];
  /** A problem to answer the next offers with. */
  refusal = null;
  /** Personal mixes, by peer. */
  mixes = new Map();
  /** WHIP offers as they came: `{ room, name, kind, bus, sdp }`. */
  published = [];
  /** Answers a command: `(command) => problem | undefined`. */
  judge = () => undefined;
  /** Answers a floor command in place of the mock's own floor: `(command) => answer | undefined`. */
  rule = () => undefined;
  #http = createServer((request, response) => void this.#answer(request, response));
  #ws = new WebSocketServer({ noServer: true });
  #port = 0;

  async start() {
    this.#http.on("upgrade", (request, socket, head) => {
      const room = /^\/api\/rooms\/([^/]+)\/ws/.exec(request.url)?.[1];
      if (!this.rooms.has(room)) return socket.end("HTTP/1.1 404 Not Found\r\n\r\n");
      this.#ws.handleUpgrade(request, socket, head, (ws) => {
        ws.room = room;
        this.#snapshot(ws);
        ws.on("message", (data) => this.#command(ws, JSON.parse(data)));
      });
    });
    await new Promise((done) => this.#http.listen(this.#port, "127.0.0.1", done));
    this.#port = this.#http.address().port;
    return this;
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  get sockets() {
    return [...this.#ws.clients];
  }

  /** Stops serving; the same port is taken by the next `start`. */
  async stop() {
    for (const ws of this.#ws.clients) ws.terminate();
    this.#http.closeAllConnections();
    await new Promise((done) => this.#http.close(done));
    const port = this.#port;
    this.#http = createServer((request, response) => void this.#answer(request, response));
    this.#port = port;
  }

  send(message) {
    for (const ws of this.#ws.clients) ws.send(JSON.stringify(message));
  }

  patch(...changes) {
    this.version += 1;
    this.send({ type: "patch", version: this.version, changes });
  }

  /** Only this room changes; the others hear that nothing did. */
  patchIn(room, ...changes) {
    this.version += 1;
    for (const ws of this.#ws.clients) {
      ws.send(JSON.stringify({ type: "patch", version: this.version, changes: ws.room === room ? changes : [] }));
    }
  }

  #snapshot(ws) {
    ws.send(JSON.stringify({ type: "snapshot", version: this.version, state: this.rooms.get(ws.room) }));
  }

  #command(ws, { ref, command, id, ...values }) {
    // What a page says by itself, whenever it likes, is nobody's move.
    const isByItself = command === "identify" || (command === "report" && values.access_ms === undefined);
    if (!isByItself) this.commands.push({ command, ...(id !== undefined && { id }), ...values });
    const problem = this.judge({ command, id, ...values });
    const room = this.rooms.get(ws.room);
    const floor = command === "floor" && !problem ? (this.rule({ id, ...values }) ?? this.#floor(room, id, values)) : undefined;
    ws.send(JSON.stringify({ type: "reply", ref, ...(problem && { problem }), ...(floor && { floor }) }));
    if (problem) return;
    if (command === "set_track") {
      Object.assign(room.tracks.find((t) => t.id === id) ?? {}, values);
      this.patch({ change: "track", id, ...values });
    } else if (command === "set_room") {
      Object.assign(room, values);
      this.patch({ change: "room", ...values });
    } else if (command === "alert") {
      const name = room.tracks.find((t) => t.id === values.from)?.name ?? "desk";
      this.send({ type: "alert", name, ...values });
    } else if (command === "remove_track") {
      room.tracks = room.tracks.filter((t) => t.id !== id);
      this.patch({ change: "left", id });
    } else if (command === "set_mix") {
      const mix = this.mixes.get(id) ?? { volume_db: 0, tracks: {} };
      for (const [track, wish] of Object.entries(values.tracks ?? {})) {
        if (wish === null) delete mix.tracks[track];
        else mix.tracks[track] = { gain_db: 0, muted: false, solo: false, ...mix.tracks[track], ...wish };
      }
      this.mixes.set(id, { ...mix, volume_db: values.volume_db ?? mix.volume_db });
    }
  }

  /** One holder after the other, without times: the answer, after all were told. */
  #floor(room, id, { action, priority = 0 }) {
    if (room.mode !== "floor") return action === "release" ? { answer: "released" } : { answer: "granted" };
    const { floor } = room;
    const events = [];
    const take = (track) => {
      floor.holders.push({ id: track, priority, held_ms: 0, ...(room.floor_talk_ms > 0 && { left_ms: room.floor_talk_ms }), revoked: false });
      events.push({ event: "granted", id: track });
    };
    const out = () => {
      const held = floor.holders.length + floor.queue.length;
      floor.holders = floor.holders.filter((h) => h.id !== id);
      floor.queue = floor.queue.filter((w) => w.id !== id);
      return floor.holders.length + floor.queue.length < held;
    };
    let answer = { answer: "released" };
    if (action === "grant" || (action === "request" && floor.holders.length < room.floor_holders)) {
      out();
      if (floor.holders.length >= room.floor_holders) events.push({ event: "revoked", id: floor.holders.shift().id, reason: "given to another" });
      take(id);
      answer = { answer: "granted", ...(room.floor_talk_ms > 0 && { left_ms: room.floor_talk_ms }) };
    } else if (action === "request") {
      if (!floor.queue.some((w) => w.id === id)) floor.queue.push({ id, priority, waited_ms: 0 });
      const position = floor.queue.findIndex((w) => w.id === id) + 1;
      events.push({ event: "queued", id, position });
      answer = { answer: "queued", position };
    } else if (out()) {
      events.push({ event: action === "revoke" ? "revoked" : "released", id, ...(action === "revoke" && { reason: "by the desk" }) });
      const next = floor.holders.length < room.floor_holders ? floor.queue.shift() : undefined;
      if (next !== undefined) take(next.id);
    }
    this.patch({ change: "floor", events, floor });
    return answer;
  }

  async #answer(request, response) {
    const json = (status, body, type = "application/json") => {
      response.writeHead(status, { "Content-Type": type });
      response.end(JSON.stringify(body));
    };
    const path = new URL(request.url, this.url).pathname;
    if (path === "/api/rooms") return json(200, [...this.rooms.values()]);
    if (path === "/api/ready") return json(200, {});
    if (path === "/api/offer") {
      const offer = JSON.parse(await new Response(request).text());
      if (this.refusal !== null) return json(this.refusal.status, this.refusal, "application/problem+json");
      const trackId = offer.clientId;
      const room = this.rooms.get(offer.room) ?? roomWith({ room: offer.room });
      this.rooms.set(offer.room, room);
      if (!room.tracks.some((t) => t.id === trackId)) room.listeners += 1;
      if (offer.role === "talker" && !room.tracks.some((t) => t.id === trackId)) {
        room.tracks.push(track({ id: trackId, name: offer.name }));
      }
      response.setHeader("Location", `/api/rooms/${offer.room}/peers/${trackId}`);
      return json(201, { answer: { type: "answer", sdp: "" }, clientId: offer.clientId, room: offer.room, trackId });
    }
    const whip = /^\/whip\/([^/]+)$/.exec(path)?.[1];
    if (whip !== undefined) {
      const query = new URL(request.url, this.url).searchParams;
      const sdp = await new Response(request).text();
      if (this.refusal !== null) return json(this.refusal.status, this.refusal, "application/problem+json");
      const id = `file-${this.published.length + 1}`;
      this.published.push({ room: whip, ...Object.fromEntries(query), sdp });
      const joined = track({ id, name: query.get("name") ?? "guest", kind: query.get("kind") ?? "whip", bus: query.get("bus") ?? "voice" });
      this.rooms.get(whip).tracks.push(joined);
      this.patch({ change: "joined", track: joined });
      response.writeHead(201, { "Content-Type": "application/sdp", Location: `/api/rooms/${whip}/peers/${id}` });
      return response.end("v=0\r\n");
    }
    const mix = /^\/api\/rooms\/[^/]+\/peers\/([^/]+)\/mix$/.exec(path)?.[1];
    if (mix !== undefined) return json(200, this.mixes.get(mix) ?? { volume_db: 0, tracks: {} });
    const room = /^\/api\/rooms\/([^/]+)$/.exec(path)?.[1];
    if (room !== undefined && this.rooms.has(room)) return json(200, this.rooms.get(room));
    if (request.method === "DELETE") {
      this.hungUp.push(path);
      const [, name, id] = /^\/api\/rooms\/([^/]+)\/peers\/([^/]+)$/.exec(path) ?? [];
      const left = this.rooms.get(name);
      if (left?.tracks.some((t) => t.id === id)) {
        left.tracks = left.tracks.filter((t) => t.id !== id);
        this.patch({ change: "left", id });
      }
      response.writeHead(204);
      return response.end();
    }
    if (/^\/api\/rooms\/[^/]+\/peers\//.test(path)) {
      response.writeHead(204);
      return response.end();
    }
    if (path.startsWith("/api/")) return json(404, { type: "/problems/unknown", title: "Unknown", status: 404, detail: path });
    const file = /\.\w+$/.test(path) && !path.startsWith("/room/") ? path.slice(1) : "index.html";
    response.setHeader("Content-Type", TYPES[/\.\w+$/.exec(file)[0]]);
    return response.end(await readFile(new URL(file, DIST)));
  }
}

/** A strip with defaults. */
export function track(values) {
  return { kind: "peer", bus: "voice", gain_db: 0, pan: 0, muted: false, auto_gain: false, denoise: false, talking: false, level_dbfs: -127, csrc: 7, joined_at: 1795132800123, ...values };
}

/** A room with defaults. */
export function roomWith(values) {
  return {
    mode: "open",
    master_gain_db: 0,
    floor_holders: 1,
    floor_queue: 16,
    floor_talk_ms: 30_000,
    floor_warning_ms: 5000,
    floor_grace_ms: 1000,
    floor_preemption: true,
    duck_db: 12,
    duck_attack_ms: 120,
    duck_hold_ms: 400,
    duck_release_ms: 900,
    frame_ms: 20,
    dim_db: 20,
    listeners: 0,
    floor: { holders: [], queue: [], access: { bounds_ms: [10, 20, 35, 50, 75, 100, 150, 200, 300, 1000], counts: Array(11).fill(0) } },
    tracks: [],
    ...values,
  };
}

/** Levels of tracks and of the mix; what is left out is silent or has no loudness yet. */
export function meters({ levels = {}, peaks = levels, ...master }) {
  return {
    type: "meters",
    levels,
    peaks,
    master_dbfs: -127,
    master_peak_dbfs: master.master_dbfs ?? -127,
    reduction_db: 0,
    momentary_lufs: -127,
    short_term_lufs: -127,
    integrated_lufs: -127,
    ...master,
  };
}

/** Put into a page before it loads: peer connections that are connected as soon as they are asked. */
export function stubPeerConnections() {
  window.RTCPeerConnection = class {
    connectionState = "new";
    localDescription = null;
    addTransceiver(track) {
      // What the page hears: silence, unless a test plays something into it.
      const context = new AudioContext();
      window.heard = { context, to: context.createMediaStreamDestination(), ...(typeof track === "object" && { sent: track }) };
      return { sender: { track, replaceTrack: async () => {}, getParameters: () => ({}) }, receiver: { track: window.heard.to.stream.getAudioTracks()[0] } };
    }
    async createOffer() {
      return { type: "offer", sdp: "v=0\r\na=rtpmap:111 opus/48000/2\r\n" };
    }
    async setLocalDescription(description) {
      this.localDescription = description;
    }
    async setRemoteDescription() {
      this.connectionState = "connected";
    }
    async getStats() {
      return new Map([["p", { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.034 }]]);
    }
    getSenders() {
      return [];
    }
    close() {
      this.connectionState = "closed";
    }
  };
}
