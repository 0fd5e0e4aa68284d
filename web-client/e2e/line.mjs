/** A line between a page and the server that can be cut. Only HTTP and the WebSocket go through it:
 * sound takes its own way. */

import { connect, createServer } from "node:net";

export class Line {
  #server = null;
  #target;
  #port = 0;
  #sockets = new Set();

  constructor(url) {
    this.#target = new URL(url);
  }

  get url() {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Lets through, on the port that it had before if it had one. */
  async start() {
    this.#server = createServer((near) => {
      const far = connect(Number(this.#target.port), this.#target.hostname);
      for (const [one, other] of [[near, far], [far, near]]) {
        this.#sockets.add(one);
        one.pipe(other);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
    });
    await new Promise((done) => this.#server.listen(this.#port, "127.0.0.1", done));
    this.#port = this.#server.address().port;
    return this;
  }

  /** Breaks what goes through and lets nothing new in. */
  async cut() {
    const closed = new Promise((done) => this.#server.close(done));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }
}
