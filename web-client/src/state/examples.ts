/** The messages that tests of Rust and of the browser share; tests alone import this. */

import { readFileSync, readdirSync } from "node:fs";

const FOLDER = new URL("../../../signaling/examples/", import.meta.url);

/** The example of this name, as the type that the caller expects. */
export function example<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), "utf8")) as T;
}

/** The names of all examples. */
export function exampleNames(): string[] {
  return readdirSync(FOLDER).flatMap((file) => (file.endsWith(".json") ? [file.slice(0, -5)] : []));
}
