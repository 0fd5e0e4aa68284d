/** A room's WebSocket: a snapshot first, then everything that changes; commands the other way. */

import { socketUrl } from "./api";
import type { ClientMessage, Command, ServerMessage } from "./wire";

/** A snapshot that takes longer than this is not coming. */
const OPEN_MS = 5000;

export interface Listener {
  message(message: ServerMessage): void;
  /** The line broke after it had been open. */
  closed(): void;
}

export class Socket {
  readonly #ws: WebSocket;
  #reference = 0;

  private constructor(ws: WebSocket) {
    this.#ws = ws;
  }

  /** Resolves once the listener has had the snapshot; rejects when none comes. */
  static open(room: string, listener: Listener): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = new Socket(new WebSocket(socketUrl(room)));
      const fail = () => {
        clearTimeout(late);
        socket.close();
        reject(new Error("The connection to the desk did not open."));
      };
      const late = setTimeout(fail, OPEN_MS);
      socket.#ws.onclose = fail;
      socket.#ws.onmessage = (event) => {
        const message = parse(event.data);
        if (message === null) return;
        listener.message(message);
        if (message.type !== "snapshot") return;
        clearTimeout(late);
        socket.#ws.onclose = () => listener.closed();
        resolve(socket);
      };
    });
  }

  get isOpen(): boolean {
    return this.#ws.readyState === WebSocket.OPEN;
  }

  /** Sends a command; the number comes back in the reply. Null when the line is not open. */
  send(command: Command): number | null {
    if (!this.isOpen) return null;
    this.#reference += 1;
    const message: ClientMessage = { ref: this.#reference, ...command };
    this.#ws.send(JSON.stringify(message));
    return this.#reference;
  }

  close(): void {
    this.#ws.onclose = this.#ws.onmessage = null;
    this.#ws.close();
  }
}

function parse(data: unknown): ServerMessage | null {
  if (typeof data !== "string") return null;
  try {
    return JSON.parse(data) as ServerMessage;
  } catch {
    return null;
  }
}
