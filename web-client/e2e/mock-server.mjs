/** A server that speaks the wire but carries no sound: for what a real one does not do on demand
 * (a missing version, a refusal), and for looking at the pages. */

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { WebSocketServer } from "ws";

const DIST = new URL("../dist/", import.meta.url);
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

export class MockServer {
  /** Room name → RoomState. */
  rooms = new Map();
  version = 1;
  /** Commands as they came. */
  commands = [];
  /** Hang-ups as they came. */
  hungUp = [];
  /** A problem to answer the next offers with. */
  refusal = null;
  /** Answers a command: `(command) => problem | undefined`. */
  judge = () => undefined;
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

  #snapshot(ws) {
    ws.send(JSON.stringify({ type: "snapshot", version: this.version, state: this.rooms.get(ws.room) }));
  }

  #command(ws, { ref, command, id, ...values }) {
    this.commands.push({ command, id, ...values });
    const problem = this.judge({ command, id, ...values });
    ws.send(JSON.stringify({ type: "reply", ref, ...(problem && { problem }) }));
    if (problem) return;
    const room = this.rooms.get(ws.room);
    if (command === "set_track") {
      Object.assign(room.tracks.find((t) => t.id === id) ?? {}, values);
      this.patch({ change: "track", id, ...values });
    } else if (command === "set_room") {
      Object.assign(room, values);
      this.patch({ change: "room", ...values });
    }
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
      const room = this.rooms.get(offer.room) ?? { room: offer.room, mode: "open", master_gain_db: 0, listeners: 0, tracks: [] };
      this.rooms.set(offer.room, room);
      if (!room.tracks.some((t) => t.id === trackId)) room.listeners += 1;
      if (offer.role === "talker" && !room.tracks.some((t) => t.id === trackId)) {
        room.tracks.push(track({ id: trackId, name: offer.name }));
      }
      response.setHeader("Location", `/api/rooms/${offer.room}/peers/${trackId}`);
      return json(201, { answer: { type: "answer", sdp: "" }, clientId: offer.clientId, room: offer.room, trackId });
    }
    const room = /^\/api\/rooms\/([^/]+)$/.exec(path)?.[1];
    if (room !== undefined && this.rooms.has(room)) return json(200, this.rooms.get(room));
    if (request.method === "DELETE") {
      this.hungUp.push(path);
      response.writeHead(204);
      return response.end();
    }
    if (/^\/api\/rooms\/[^/]+\/peers\//.test(path)) {
      response.writeHead(204);
      return response.end();
    }
    if (path.startsWith("/api/")) return json(404, { type: "/problems/unknown", title: "Unknown", status: 404, detail: path });
    const file = path.startsWith("/assets/") || path === "/favicon.svg" ? path.slice(1) : "index.html";
    response.setHeader("Content-Type", TYPES[/\.\w+$/.exec(file)[0]]);
    return response.end(await readFile(new URL(file, DIST)));
  }
}

/** A strip with defaults. */
export function track(values) {
  return { kind: "peer", gain_db: 0, pan: 0, muted: false, talking: false, level_dbfs: -127, joined_at: 1795132800123, ...values };
}

/** Put into a page before it loads: peer connections that are connected as soon as they are asked. */
export function stubPeerConnections() {
  window.RTCPeerConnection = class {
    connectionState = "new";
    localDescription = null;
    addTransceiver() {
      return { receiver: { track: new AudioContext().createMediaStreamDestination().stream.getAudioTracks()[0] } };
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
