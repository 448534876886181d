import { html } from "../html.js";

const WORDS = { CompletedWithFailures: "Completed with failures" };

export function Phase({ phase }) {
  return html`<span class="phase p-${phase.toLowerCase()}">${WORDS[phase] ?? phase}</span>`;
}
