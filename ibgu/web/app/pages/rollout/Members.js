/** The members that the filter shows, page by page, with their own words. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useBody } from "../../data/watch.js";
import { html } from "../../html.js";
import { Empty } from "../../parts/Notice.js";
import { State } from "../../parts/State.js";
import { Ago } from "../../parts/Time.js";
import { query, rolloutPath } from "../../rest/client.js";
import { clusterLink } from "../../route.js";
import { count, span } from "../../words/format.js";
import { spaced } from "../../words/states.js";

const ROWS = 25;
const ORDERS = { order: "in order of start", name: "by name", since: "longest in its state first" };

export function Members({ rollout, step, columns, matching, now }) {
  const [order, setOrder] = useState("order");
  const [page, setPage] = useState(0);
  const sorted = useMemo(() => indices(columns, matching, order), [columns, matching, order]);
  const pages = Math.max(1, Math.ceil(sorted.length / ROWS));
  const at = Math.min(page, pages - 1);
  const rows = sorted.slice(at * ROWS, (at + 1) * ROWS);
  const details = useDetails(
    rollout,
    step,
    rows.map((index) => columns.clusters[index]),
  );
  return html`<section class="card" aria-labelledby="members">
    <div class="head">
      <h2 id="members">Members</h2>
      <select class="small" aria-label="Order" value=${order} onChange=${(event) => setOrder(event.target.value)}>
        ${Object.entries(ORDERS).map(([name, words]) => html`<option key=${name} value=${name}>${words}</option>`)}
      </select>
    </div>
    ${
      rows.length
        ? html`<${Table} rollout=${rollout} columns=${columns} rows=${rows} details=${details} now=${now} />`
        : html`<${Empty}>No cluster matches the filter.<//>`
    }
    <${Pager} at=${at} pages=${pages} total=${sorted.length} turn=${setPage} />
  </section>`;
}

function Table({ rollout, columns, rows, details, now }) {
  return html`<div class="scroll" tabindex="0" role="group" aria-labelledby="members">
    <table>
      <thead>
        <tr>
          <th scope="col">Cluster</th>
          <th scope="col">State</th>
          <th scope="col">For</th>
          <th scope="col">Why</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((index) => {
          const cluster = columns.clusters[index];
          return html`<tr key=${cluster}>
            <td><a href=${clusterLink(cluster, { rollout: `${rollout.namespace}/${rollout.name}` })}>${cluster}</a></td>
            <td><${State} name=${columns.states[index]} /></td>
            <td class="span"><${Ago} stamp=${columns.since[index]} now=${now} /></td>
            <td><${Reason} columns=${columns} index=${index} member=${details.get(cluster)} /></td>
          </tr>`;
        })}
      </tbody>
    </table>
  </div>`;
}

function Reason({ columns, index, member }) {
  const kind = columns.failures[index] ?? columns.causes[index] ?? columns.reasons[index];
  const words = member ? member.message || member.reason?.message : "";
  return html`${kind && html`<strong>${spaced(kind)}</strong> `}
    ${words && html`<span>${words}</span>`}
    ${
      member?.stalled &&
      html`<span class="worry"> stalled: usually ${span(member.stalled.usual)} at most</span>`
    }`;
}

function Pager({ at, pages, total, turn }) {
  if (pages < 2) return null;
  return html`<nav class="pager" aria-label="Pages of members">
    <button type="button" class="small" disabled=${at === 0} onClick=${() => turn(at - 1)}>Previous</button>
    <span>${count(at * ROWS + 1)}–${count(Math.min(total, (at + 1) * ROWS))} of ${count(total)}</span>
    <button type="button" class="small" disabled=${at === pages - 1} onClick=${() => turn(at + 1)}>Next</button>
  </nav>`;
}

function indices(columns, matching, order) {
  const found = [];
  for (let index = 0; index < matching.length; index++) if (matching[index]) found.push(index);
  return found.sort(BY[order](columns));
}

const NATURAL = new Intl.Collator("en", { numeric: true });
const LAST = "9999";
const BY = {
  order: () => (one, other) => one - other,
  name:
    ({ clusters }) =>
    (one, other) =>
      NATURAL.compare(clusters[one], clusters[other]),
  since:
    ({ since }) =>
    (one, other) =>
      (since[one] ?? LAST) < (since[other] ?? LAST) ? -1 : Number(since[one] !== since[other]),
};

/** What only the members themselves tell, asked for those that are shown. */
function useDetails(rollout, step, names) {
  const path = rolloutPath(rollout, `/members${query({ step, clusters: names, limit: ROWS })}`);
  const { body } = useBody(names.length ? path : null, { gap: 2000 });
  const known = useRef(new Map());
  useEffect(() => known.current.clear(), [step]);
  for (const member of body?.items ?? []) known.current.set(member.cluster, member);
  return known.current;
}
