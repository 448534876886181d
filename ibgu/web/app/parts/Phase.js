import { html } from "../html.js";

export function Phase({ phase }) {
  return html`<span class="phase p-${phase.toLowerCase()}">${phase}</span>`;
}
