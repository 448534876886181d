/** The members that the filter shows, page by page, with their own words. */
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { sorted } from "../../data/order.js";
import { useBody } from "../../data/watch.js";
import { html } from "../../html.js";
import { Empty } from "../../parts/Notice.js";
import { rolloutPath } from "../../rest/client.js";
import { count } from "../../words/format.js";
import { ROLLBACK } from "../../words/states.js";
import { MembersTable } from "./MembersTable.js";

const ROWS = 25;
/** Milliseconds in which all that is above the members has come. */
const SETTLED = 5000;
const BY_HAND = ["wheel", "pointerdown", "keydown"];

/** `said`: the reasons whose words stand above; `order`: as `data/order.js` has it; `shown`: a link has asked for just this. */
export function Members({ rollout, said, step, columns, matching, filter, order, reorder, shown, now }) {
  const { by, down } = order;
  const [page, setPage] = useState(0);
  const section = useShown(shown);
  const found = useMemo(() => sorted(columns, matching, order), [columns, matching, by, down]);
  useEffect(() => setPage(0), [by, down]);
  const until = filter.state.has(ROLLBACK);
  const pages = Math.max(1, Math.ceil(found.length / ROWS));
  const at = Math.min(page, pages - 1);
  const rows = found.slice(at * ROWS, (at + 1) * ROWS);
  const details = useDetails(
    rollout,
    step,
    rows.map((index) => columns.clusters[index]),
  );
  return html`<section class="card members" aria-labelledby="members" ref=${section}>
    <h2 id="members">Members</h2>
    ${
      rows.length
        ? html`<${MembersTable} ...${{ rollout, said, columns, rows, details, order, reorder, until, now }} />`
        : html`<${Empty}>${columns.clusters.length ? "No cluster matches the filter." : "This step has no clusters."}<//>`
    }
    <${Pager} at=${at} pages=${pages} total=${found.length} turn=${setPage} />
  </section>`;
}

function useShown(/** @type {string} */ shown) {
  const section = useRef(null);
  useEffect(() => (shown ? keepInView(section) : undefined), [shown]);
  return section;
}

/** Rows above come later and push it away; once a user scrolls, the page stays where it is. */
function keepInView(section) {
  const show = () => section.current?.scrollIntoView({ block: "center" });
  const growing = new ResizeObserver(show);
  const stop = () => {
    growing.disconnect();
    clearTimeout(end);
    for (const kind of BY_HAND) removeEventListener(kind, stop);
  };
  const end = setTimeout(stop, SETTLED);
  for (const kind of BY_HAND) addEventListener(kind, stop);
  show();
  growing.observe(document.body);
  return stop;
}

function Pager({ at, pages, total, turn }) {
  if (pages < 2) return null;
  return html`<nav class="pager" aria-label="Pages of members">
    <button type="button" class="small" disabled=${at === 0} onClick=${() => turn(at - 1)}>Previous</button>
    <span>${count(at * ROWS + 1)}–${count(Math.min(total, (at + 1) * ROWS))} of ${count(total)}</span>
    <button type="button" class="small" disabled=${at === pages - 1} onClick=${() => turn(at + 1)}>Next</button>
  </nav>`;
}

/** What only the members themselves tell, asked for those that are shown. */
function useDetails(rollout, step, names) {
  const path = rolloutPath(rollout, "/members", { step, clusters: names, limit: ROWS });
  const { body } = useBody(names.length ? path : null, { gap: 2000 });
  const known = useRef(new Map());
  useEffect(() => known.current.clear(), [step]);
  for (const member of body?.items ?? []) known.current.set(member.cluster, member);
  return known.current;
}
