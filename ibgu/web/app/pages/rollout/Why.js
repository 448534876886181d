/**
 * Why the step has not finished: one row a reason or cause; a row filters the grid. A cluster
 * that is at work and has no mark keeps nothing.
 */
import { useMemo } from "preact/hooks";
import { NOTHING, tally } from "../../data/filter.js";
import { html } from "../../html.js";
import { HeldBy } from "../../parts/HeldBy.js";
import { Empty } from "../../parts/Notice.js";
import { Symbol } from "../../parts/State.js";
import { Words } from "../../parts/Words.js";
import { policyLink } from "../../route.js";
import { count, plural } from "../../words/format.js";
import { MARKS, markTitle, spaced } from "../../words/states.js";

/** What a cluster in flight is at while all is well. */
const AT_WORK = new Set(["Preparing", "Arming", "Running", "Rebooting", "Soaking", "Disarming"]);

/** `said`: the reasons whose words stand above already. */
export function Why({ reasons, said, followUps, columns, labelled, filter, choose }) {
  const { rows, working } = useMemo(() => rowsOf(columns, labelled), [columns, labelled]);
  const over = working ? "" : ": every cluster has ended";
  const calm = columns.clusters.length ? `No cluster is waiting for anything${over}.` : "This step has no clusters.";
  return html`<section class="card why" aria-labelledby="why">
    <h2 id="why">Reasons</h2>
    ${rows.length === 0 && html`<${Empty}>${calm}<//>`}
    <ul>
      ${rows.map((row) => html`<${Row} key=${row.by + row.name} row=${row} filter=${filter} choose=${choose} />`)}
    </ul>
    <${Policies} reasons=${reasons} said=${said} />
    <${FollowUps} items=${followUps} />
    ${working > 0 && html`<p class="quiet">${plural(working, "cluster")} working as usual.</p>`}
  </section>`;
}

/** What each policy holds, and until when; their clusters are in one row of the list. */
function Policies({ reasons, said }) {
  const alike = (one, other) => ["kind", "who", "holder"].every((name) => one[name] === other[name]);
  const held = reasons.filter((each) => each.message && !said.some((other) => alike(each, other)));
  if (!held.length) return null;
  return html`<ul class="held-by">
    ${held.map((each) => html`<li key=${[each.kind, each.who, each.holder].join("/")}><${HeldBy} reason=${each} /></li>`)}
  </ul>`;
}

/** Second rollouts that policies have asked for after the step. */
function FollowUps({ items }) {
  if (!items.length) return null;
  return html`<ul class="held-by">
    ${items.map(
      ({ policy, message }) => html`<li key=${message}>
        <${Words} text=${message} /> · <a href=${policyLink(policy)}>policy ${policy}</a>
      </li>`,
    )}
  </ul>`;
}

function Row({ row: { by, name, number, symbol }, filter, choose }) {
  const state = by === "state";
  const pressed = state
    ? filter.state.size === 1 && filter.state.has(name)
    : filter[by] === name && !filter.state.size;
  const wanted = { ...NOTHING, label: filter.label };
  const filtered = pressed ? wanted : { ...wanted, [by]: state ? new Set([name]) : name };
  return html`<li>
    <button type="button" aria-pressed=${pressed} onClick=${() => choose(filtered)}>
      <${Symbol} name=${symbol} /><span title=${markTitle(name)}>${spaced(name)}</span>
      <strong>${count(number)}</strong>
    </button>
  </li>`;
}

/** Failures by name where they are known ones, else by cause; who is stalled or overdue; then reasons. */
function rowsOf(
  /** @type {import("../../data/filter.js").Columns} */ columns,
  /** @type {boolean[] | null} */ labelled,
) {
  const { causes, failures, reasons } = columns;
  const atWork = reasons.map((kind) => AT_WORK.has(kind));
  const late = (index) => MARKS.some((mark) => columns[mark][index]);
  const counted = (index) => !labelled || labelled[index];
  const marked = (mark) => columns[mark].filter((each, index) => each && counted(index)).length;
  const rows = (by, values) =>
    tally(values, labelled).map(([name, number]) => ({
      by,
      name,
      number,
      symbol: columns.states[values.indexOf(name)],
    }));
  const unknown = causes.map((cause, index) => (failures[index] ? null : cause));
  const keeping = reasons.map((kind, index) => (atWork[index] ? null : kind));
  return {
    working: atWork.filter((each, index) => each && !late(index) && counted(index)).length,
    rows: [
      ...rows("failure", failures),
      ...rows("cause", unknown),
      ...MARKS.map((mark) => ({ by: "state", name: mark, number: marked(mark), symbol: mark })).filter(
        ({ number }) => number,
      ),
      ...rows("reason", keeping),
    ],
  };
}
