/** Debian's Firefox ESR, with a microphone that plays a tone and no word to the outside. Driven by WebDriver BiDi
 * (https://w3c.github.io/webdriver-bidi/), which Firefox speaks itself: no driver in between, nothing to install.
 * Playwright's way to it (channel `moz-firefox`) asks for commands that an ESR does not know yet. */

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { soon } from "./ears.mjs";

const PREFERENCES = {
  "media.navigator.streams.fake": true,
  // Allowed, as by a person who said yes for good: only then ICE looks at more than the default route's address.
  "permissions.default.microphone": 1,
  "media.peerconnection.ice.loopback": true,
  // A loudspeaker that is none: without any, as on a machine for tests, Web Audio would not run.
  "media.cubeb.force_mock_context": true,
  "browser.startup.page": 0,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  // Whatever Firefox wants from elsewhere ends at a port where nobody listens; loopback needs no proxy.
  "network.proxy.type": 1,
  "network.proxy.http": "127.0.0.1",
  "network.proxy.http_port": 9,
  "network.proxy.ssl": "127.0.0.1",
  "network.proxy.ssl_port": 9,
};

/** Names of keys as WebDriver has them (https://www.w3.org/TR/webdriver2/#keyboard-actions). */
const KEYS = { PageDown: "\uE00F", Space: " " };

export class Firefox {
  #child;
  #profile;
  #socket;
  #calls = new Map();
  #pages = new Map();
  #last = 0;

  /** `tone`: what its microphone says, Hz. Firefox makes it of whole samples: at 44.1 and at 48 kHz 300 Hz is exact. */
  static async launch({ tone }) {
    const firefox = new Firefox();
    firefox.#profile = await mkdtemp(join(tmpdir(), "mixminus-firefox-"));
    try {
      await firefox.#start({ ...PREFERENCES, "media.navigator.audio.fake_frequency": tone });
    } catch (error) {
      await firefox.close();
      throw error;
    }
    return firefox;
  }

  async #start(preferences) {
    const lines = Object.entries(preferences).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});`);
    await writeFile(join(this.#profile, "user.js"), lines.join("\n"));
    const program = process.env.FIREFOX ?? "/usr/bin/firefox-esr";
    const child = spawn(program, ["--headless", "--no-remote", "--remote-debugging-port=0", "--profile", this.#profile], {
      // Nothing of the person's own Firefox is read or written.
      env: { ...process.env, HOME: this.#profile, MOZ_CRASHREPORTER_DISABLE: "1" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#child = child;
    const url = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${program} ended with ${code}`)));
      createInterface({ input: child.stderr }).on("line", (line) => {
        const address = /^WebDriver BiDi listening on (ws:\S+)$/.exec(line);
        if (address !== null) resolve(address[1]);
      });
    });
    this.#socket = new WebSocket(`${url}/session`);
    await new Promise((resolve, reject) => this.#socket.once("open", resolve).once("error", reject));
    this.#socket.on("message", (text) => this.#got(JSON.parse(text)));
    this.#socket.on("close", () => this.#calls.forEach(({ reject }) => reject(new Error("Firefox is gone"))));
    await this.send("session.new", { capabilities: {} });
    await this.send("session.subscribe", { events: ["log.entryAdded"] });
  }

  #got(message) {
    if (message.type === "event") {
      const { level, text, source } = message.params;
      if (["error", "warn"].includes(level)) this.#pages.get(source.context)?.complaints.push(text);
      return;
    }
    const call = this.#calls.get(message.id);
    this.#calls.delete(message.id);
    if (message.type === "success") call?.resolve(message.result);
    else call?.reject(new Error(`${call.method}: ${message.error}: ${message.message}`));
  }

  /** One command of WebDriver BiDi, and its result. */
  send(method, params) {
    this.#last += 1;
    const id = this.#last;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { method, resolve, reject });
      this.#socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** A page in a container of its own: nothing is remembered from the page before. */
  async open(url) {
    const { userContext } = await this.send("browser.createUserContext", {});
    const { context } = await this.send("browsingContext.create", { type: "tab", userContext });
    const page = new Page(this, context);
    this.#pages.set(context, page);
    await this.send("browsingContext.setViewport", { context, viewport: { width: 1280, height: 800 } });
    await this.send("browsingContext.navigate", { context, url, wait: "complete" });
    return page;
  }

  async close() {
    const child = this.#child;
    if (child?.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      if (this.#socket?.readyState === WebSocket.OPEN) this.send("browser.close", {}).catch(() => child.kill("SIGKILL"));
      else child.kill("SIGKILL");
      await ended;
    }
    await rm(this.#profile, { recursive: true, force: true });
  }
}

class Page {
  /** What the console complained of. */
  complaints = [];
  #firefox;
  #context;

  constructor(firefox, context) {
    this.#firefox = firefox;
    this.#context = context;
  }

  /** Calls the function in the page; what goes in and comes out is JSON. */
  async evaluate(work, argument) {
    const declaration = `async (json) => JSON.stringify((await (${work})(JSON.parse(json))) ?? null)`;
    return JSON.parse(await this.#call(declaration, { type: "string", value: JSON.stringify(argument ?? null) }));
  }

  async #call(functionDeclaration, argument) {
    const answer = await this.#firefox.send("script.callFunction", {
      functionDeclaration,
      arguments: [argument],
      target: { context: this.#context },
      awaitPromise: true,
    });
    if (answer.type === "exception") throw new Error(answer.exceptionDetails.text);
    return answer.result.value;
  }

  /** The elements of this role and name, as a screen reader has them. */
  async all(role, name) {
    const locator = { type: "accessibility", value: { role, name } };
    const { nodes } = await this.#firefox.send("browsingContext.locateNodes", { context: this.#context, locator });
    return nodes;
  }

  /** The one element of this role and name; waits until it is there and can be used. */
  async one(role, name) {
    return soon(async () => {
      const nodes = await this.all(role, name);
      if (nodes.length !== 1) throw new Error(`${nodes.length} × ${role} "${name}"`);
      if (await this.#call("(element) => element.disabled === true", nodes[0])) throw new Error(`${role} "${name}" is disabled`);
      return nodes[0];
    });
  }

  /** What the element has under this name of an attribute. */
  async attribute(role, name, attribute) {
    return this.#call(`(element) => element.getAttribute(${JSON.stringify(attribute)})`, await this.one(role, name));
  }

  async click(role, name) {
    await this.hold(role, name);
    await this.letGo();
  }

  /** The mouse goes there and its button down. */
  async hold(role, name) {
    const element = await this.one(role, name);
    await this.#call('(element) => element.scrollIntoView({ block: "center" })', element);
    const origin = { type: "element", element: { sharedId: element.sharedId } };
    await this.#mouse([
      { type: "pointerMove", x: 0, y: 0, origin },
      { type: "pointerDown", button: 0 },
    ]);
  }

  async letGo() {
    await this.#mouse([{ type: "pointerUp", button: 0 }]);
  }

  /** Into what has the focus. */
  async type(text) {
    await this.#keys([...text].flatMap((value) => [{ type: "keyDown", value }, { type: "keyUp", value }]));
  }

  /** One key, in this element. */
  async press(role, name, key) {
    await this.#call("(element) => element.focus()", await this.one(role, name));
    await this.type(KEYS[key]);
  }

  async keyDown(key) {
    await this.#keys([{ type: "keyDown", value: KEYS[key] }]);
  }

  async keyUp(key) {
    await this.#keys([{ type: "keyUp", value: KEYS[key] }]);
  }

  #mouse(actions) {
    return this.#perform({ type: "pointer", id: "mouse", actions });
  }

  #keys(actions) {
    return this.#perform({ type: "key", id: "keyboard", actions });
  }

  #perform(source) {
    return this.#firefox.send("input.performActions", { context: this.#context, actions: [source] });
  }

  /** As when a person closes the tab. */
  async close() {
    await this.#firefox.send("browsingContext.close", { context: this.#context });
  }
}
