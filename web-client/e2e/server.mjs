/** The real server, as a program. */

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BINARY =
  process.env.MIXMINUS_SERVER_BIN ?? fileURLToPath(new URL("../../target/release/mixminus-server", import.meta.url));

export class Server {
  #child = null;
  #listen = "127.0.0.1:0";
  #settings;
  url = "";

  /** `settings`: variables of the server, such as `MIXMINUS_KEY`. */
  constructor(settings = {}) {
    this.#settings = settings;
  }

  /** Starts it, on the port that it had before if it had one. */
  async start() {
    // The environment is handed on without settings that a developer may have made for a server.
    const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !key.startsWith("MIXMINUS_")));
    const child = spawn(BINARY, ["--listen", this.#listen, "--room-linger-s", "1"], {
      env: { ...env, ...this.#settings },
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#child = child;
    const failed = new Promise((_, reject) => {
      child.once("error", (error) => reject(new Error(`${BINARY}: ${error.message}`)));
      child.once("exit", (code) => reject(new Error(`${BINARY} ended with ${code} before it served`)));
    });
    failed.catch(() => {});
    const listening = new Promise((resolve) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const address = /^listening on (http:\/\/(\S+))$/.exec(line);
        if (address !== null) resolve(address);
      });
    });
    const [, url, listen] = await Promise.race([listening, failed]);
    this.url = url;
    this.#listen = listen;
    return this;
  }

  /** Ends it: `SIGTERM` asks, `SIGKILL` does not. The exit code, null after a kill. */
  async stop(signal = "SIGTERM") {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null) return child?.exitCode ?? null;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    return ended;
  }

  async rooms() {
    return (await fetch(`${this.url}/api/rooms`)).json();
  }
}
