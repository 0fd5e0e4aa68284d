import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the server; `mixminus-server` listens there by default. */
const SERVER = process.env.MIXMINUS_SERVER ?? "http://127.0.0.1:8080";

/** Writes `/shell-worker.js`: the service worker with what it keeps, and a version that changes with it. */
function shellWorker(): Plugin {
  const folder = new URL(".", import.meta.url);
  const read = (path: string) => readFileSync(new URL(path, folder));
  return {
    name: "shell-worker",
    apply: "build",
    enforce: "post",
    generateBundle(_, bundle) {
      const assets = Object.keys(bundle).filter((name) => name.startsWith("assets/")).sort();
      const kept = ["favicon.svg", "manifest.webmanifest"];
      const hash = createHash("sha256");
      const page = bundle["index.html"];
      if (page?.type === "asset") hash.update(page.source);
      for (const name of assets) hash.update(name);
      for (const name of kept) hash.update(read(`public/${name}`));
      const shell = ["/", ...[...assets, ...kept].map((name) => `/${name}`)];
      const source = read("src/shell-worker.js")
        .toString()
        .replace("__VERSION__", hash.digest("hex").slice(0, 12))
        .replace("__SHELL__", JSON.stringify(shell));
      this.emitFile({ type: "asset", fileName: "shell-worker.js", source });
    },
  };
}

export default defineConfig({
  plugins: [shellWorker()],
  build: { target: "es2022", assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: {
    proxy: {
      "/api": { target: SERVER, ws: true },
      "/whip": SERVER,
      "/whep": SERVER,
    },
  },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
