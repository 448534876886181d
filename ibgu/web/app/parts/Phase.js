import { html } from "../html.js";

const WORDS = { CompletedWithFailures: "Completed with failures" };

/** A plan that selects no cluster ends like one that has done all, and a rollout of which nothing moves is Running to the hub: both are named. */
export function Phase({ rollout: { phase, counts, waitsFor } }) {
  const [name, words] = shown(phase, counts, waitsFor);
  return html`<span class="phase p-${name}">${words}</span>`;
}

function shown(phase, { total }, waitsFor) {
  if (phase === "Completed" && !total) return ["nobody", "Completed: no clusters"];
  if (waitsFor.length) return [waitsFor[0].who === "person" ? "held" : "waiting", "Waiting"];
  return [phase.toLowerCase(), WORDS[phase] ?? phase];
}
