/** What may be done for this cluster alone, in the rollout that it is explained from. */
import { useState } from "preact/hooks";
import { useBody } from "../../data/watch.js";
import { html } from "../../html.js";
import { plain, Words } from "../../parts/Words.js";
import { rolloutPath } from "../../rest/client.js";
import { Change } from "../rollout/actions/Change.js";
import { changeOf } from "../rollout/actions/changes.js";
import { AbortFirst, Nothing } from "../rollout/actions/fields.js";

/** In which states a change makes sense for one cluster, and what it is called. */
const CHANGES = {
  retry: { states: ["failed"], verb: "Retry" },
  skip: { states: ["waiting", "probing", "held"], verb: "Skip" },
};

/** `cleaned`: the action that failed before the cluster was aborted; empty: none. */
export function ClusterActions({ found, cleaned }) {
  const [namespace, name] = found.rollout.split("/");
  // The name of another namespace's rollout is not told.
  const state = cleaned ? "failed" : found.state;
  return name && html`${cleaned && html`<p><strong>${cleaned} failed, then aborted.</strong> The rollout counts this cluster as failed.</p>`}
    <${Offered} cluster=${found.cluster} state=${state} rollout=${{ namespace, name }} />`;
}

function Offered({ cluster, state, rollout }) {
  const { body, again } = useBody(rolloutPath(rollout, "/actions"), { gap: 2000 });
  // What the dialog is about stays, also once the cluster is in another rollout.
  const [open, setOpen] = useState(null);
  const [why, setWhy] = useState("");
  const permits = body?.items ?? [];
  const items = permits.filter((each) => CHANGES[each.name]?.states.includes(state));
  if (!items.length && !open) return null;
  const press = (item) => {
    setWhy(item.allowed ? "" : `${CHANGES[item.name].verb} ${cluster}: ${item.why}`);
    if (item.allowed) setOpen({ permit: item, rollout, cluster });
  };
  const close = () => {
    setOpen(null);
    again();
  };
  return html`<div class="of-cluster">
    <div class="buttons" role="group" aria-label="Actions">
      ${items.map(
        (item) => html`<button
          key=${item.name}
          type="button"
          class=${item.danger}
          aria-disabled=${item.allowed ? null : "true"}
          title=${item.allowed ? null : plain(item.why)}
          onClick=${() => press(item)}
        >
          ${CHANGES[item.name].verb} this cluster…
        </button>`,
      )}
    </div>
    <p class="quiet" role="status"><${Words} text=${why} /></p>
    ${
      open &&
      html`<${Change} key=${open.permit.name} change=${alone({ ...open, permit: newest(open, rollout, permits) })} rollout=${open.rollout} onClose=${close} />`
    }
  </div>`;
}

/** The permit as it is now, as long as the page is about that rollout. */
function newest({ permit, rollout }, now, permits) {
  const same = now.namespace === rollout.namespace && now.name === rollout.name;
  return (same && permits.find((each) => each.name === permit.name)) || permit;
}

/** @returns {import("../rollout/actions/changes.js").Kind} */
function alone({ permit, rollout, cluster }) {
  const title = `${CHANGES[permit.name].verb} ${cluster}`;
  return {
    ...changeOf(permit, { rollout, step: null, dangers: {} }),
    title,
    start: { clusters: [cluster] },
    Fields: permit.name === "retry" ? AbortFirst : Nothing,
    clusters: () => 1,
    label: () => title,
  };
}
