import { render } from "preact";
import { takeToken } from "./network/identity";
import { App } from "./view/app";
import "./view/tokens.css";
import "./view/base.css";

takeToken();
const root = document.getElementById("app");
if (root !== null) render(<App />, root);
