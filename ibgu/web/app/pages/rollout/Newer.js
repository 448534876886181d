/** Newer rollouts that have gone on with the clusters: what this one has done there may be undone. */
import { useBody } from "../../data/watch.js";
import { html } from "../../html.js";
import { rolloutPath } from "../../rest/client.js";
import { rolloutLink } from "../../route.js";
import { count, plural } from "../../words/format.js";

const SHOWN = 3;
const GAP_MS = 10_000;

export function Newer({ rollout }) {
  const { body } = useBody(rolloutPath(rollout, "/newer"), { gap: GAP_MS });
  if (!body?.clusters) return null;
  const { clusters, items } = body;
  const more = items.length - SHOWN;
  const back = items.some(({ leadsBack }) => leadsBack);
  return html`<div class=${back ? "notice warn" : "notice"} role="status">
    <strong>Newer rollouts act, or have acted, on ${count(clusters)} of ${plural(rollout.counts.total, "cluster")}:</strong>
    ${" "}the numbers here do not count what they do.
    <ul>
      ${items.slice(0, SHOWN).map((each) => html`<li key=${each.uid}><${One} newer=${each} /></li>`)}
    </ul>
    ${more > 0 && html`and ${plural(more, "more rollout")}`}
  </div>`;
}

function One({ newer }) {
  const { namespace, name, uid, actions, clusters, acting } = newer;
  const who = name
    ? html`<a href=${rolloutLink({ namespace, name, uid, exact: true })}>${namespace}/${name}</a> (${actions.join(", ")})`
    : "a rollout of another namespace";
  return html`${who}: ${plural(clusters, "cluster")}${acting > 0 && `, ${count(acting)} of them now`}`;
}
