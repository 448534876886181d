import { html } from "../html.js";

const WORDS = { CompletedWithFailures: "Completed with failures" };

const NOBODY = "Completed: no clusters";

/** A plan that selects no cluster ends like one that has done all: it says so. */
export function Phase({ rollout: { phase, counts } }) {
  const nobody = phase === "Completed" && !counts.total;
  const name = nobody ? "nobody" : phase.toLowerCase();
  return html`<span class="phase p-${name}">${nobody ? NOBODY : (WORDS[phase] ?? phase)}</span>`;
}
