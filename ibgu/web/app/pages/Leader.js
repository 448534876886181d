/** The leader: a word at the top, and a notice where leadership changes too often. */
import { useBody, useNow } from "../data/watch.js";
import { html } from "../html.js";
import { At } from "../parts/Time.js";
import { Words } from "../parts/Words.js";
import { sentence } from "../words/format.js";

const GAP_MS = 5000;

/** No event tells of it. */
export const useLeadership = () => useBody("leadership", { gap: GAP_MS, concerns: () => false }).body;

/** The journal has no end of a lead: the newest leader may be gone, with no leader after it. */
export function Leader({ leadership }) {
  const now = useNow(60_000);
  if (!leadership) return null;
  const { leader, since, changes, words } = leadership;
  if (!leader) return html`<span class="leader worry" title=${sentence(words)}>no leader yet</span>`;
  return html`<span class="leader" title=${sentence(words)}>
    <span class="quiet">leader</span> <span class="holder">${leader}</span>${" "}
    <span class=${changes ? "worry" : "quiet"}>${changes ? "changed " : ""}<${At} stamp=${since} now=${now} /></span>
  </span>`;
}

export function Flapping({ leadership }) {
  if (!leadership?.flaps) return null;
  return html`<p class="notice warn" role="status" aria-label="Changes of the leader">
    <strong>The leader changes too often.</strong> <${Words} text=${sentence(leadership.words)} /> Clusters
    may start late. <strong>Do:</strong> <${Words} text=${sentence(leadership.remedy)} />
  </p>`;
}
