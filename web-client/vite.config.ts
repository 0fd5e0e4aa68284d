import { defineConfig } from "vitest/config";

/** Where `npm run dev` finds the server; `mixminus-server` listens there by default. */
const SERVER = process.env.MIXMINUS_SERVER ?? "http://127.0.0.1:8080";

export default defineConfig({
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
