/** The clusters of a rollout, or the members of a step, by what became of them, as one bar. */
import { html } from "../html.js";
import { count, percent } from "../words/format.js";

const PARTS = ["succeeded", "failed", "skipped", "cancelled", "running"];

/** Of a step, in whatever way. */
export const ended = (counts) =>
  counts.succeeded + counts.failed + counts.skipped + counts.cancelled;

/** `counts` as REST has them; the rest of the bar is what waits. */
export function Bar({ counts }) {
  const words = PARTS.concat("waiting").map((name) => `${count(counts[name])} ${name}`);
  const share = (name) => `${counts.total ? (100 * counts[name]) / counts.total : 0}%`;
  return html`<span class="bar" role="img" aria-label=${words.join(", ")}>
    ${PARTS.map((name) => html`<span key=${name} class="b-${name}" style=${{ width: share(name) }} />`)}
  </span>`;
}

export const doneShare = (counts) => percent(counts.succeeded, counts.total);
