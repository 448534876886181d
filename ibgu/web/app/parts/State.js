/** A state's symbol and word. */
import { html } from "../html.js";
import { stateOf } from "../words/states.js";

export function Symbol({ name }) {
  const { path, filled } = stateOf(name);
  return html`<svg class="symbol s-${name}" viewBox="0 0 16 16" aria-hidden="true">
    <rect class="cell" width="16" height="16" rx="3" />
    <path class=${filled ? "filled" : "drawn"} d=${path} />
  </svg>`;
}

export function State({ name }) {
  return html`<span class="state"><${Symbol} name=${name} /> ${stateOf(name).label}</span>`;
}
