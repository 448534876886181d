/** What can't be undone, for how many clusters; who means it types the rollout's name. */
import { html } from "../../../html.js";
import { Words } from "../../../parts/Words.js";
import { plural } from "../../../words/format.js";

/** @param {{ name: string, lost: string, clusters: number | null, typed: string,
 *   type: (text: string) => void }} props lost: empty, not known yet; clusters: null, unknown */
export function Confirm({ name, lost, clusters, typed, type }) {
  const whom = clusters === null ? "" : ` for ${plural(clusters, "cluster")}`;
  return html`<div class="notice bad confirm">
    <p id="lost"><strong>This can't be undone${whom}.</strong> <${Words} text=${lost || "ibgu is checking what would be lost."} /></p>
    <label>
      <span>To confirm, type the rollout's name: <code>${name}</code></span>
      <input
        type="text"
        autocomplete="off"
        spellcheck="false"
        aria-describedby="lost"
        readonly=${!lost}
        value=${typed}
        onInput=${(event) => type(event.target.value.trim())}
      />
    </label>
  </div>`;
}
