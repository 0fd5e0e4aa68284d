import { render } from "preact";
import { takeToken } from "./network/identity";
import { App } from "./view/app";
import "./view/tokens.css";
import "./view/base.css";

takeToken();
const root = document.getElementById("app");
if (root !== null) render(<App />, root);

// Pages that are not secure have no workers; a page works without.
if (import.meta.env.PROD && "serviceWorker" in navigator) {
  addEventListener("load", () => void navigator.serviceWorker.register("/shell-worker.js").catch(() => {}));
}
