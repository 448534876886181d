import { render } from "preact";
import { App } from "./App.js";
import { html } from "./html.js";
import { applyTheme } from "./theme.js";

applyTheme();
const root = document.getElementById("page");
root.replaceChildren();
render(html`<${App} />`, root);
