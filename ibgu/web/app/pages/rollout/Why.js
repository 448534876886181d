/** Why the step is not further: one row a reason or cause; a row filters the grid. */
import { useMemo } from "preact/hooks";
import { NOTHING, tally } from "../../data/filter.js";
import { html } from "../../html.js";
import { Empty } from "../../parts/Notice.js";
import { Symbol } from "../../parts/State.js";
import { count } from "../../words/format.js";
import { spaced } from "../../words/states.js";

export function Why({ columns, filter, choose }) {
  const rows = useMemo(() => rowsOf(columns), [columns]);
  return html`<section class="card why" aria-labelledby="why">
    <h2 id="why">Why not further</h2>
    ${rows.length === 0 && html`<${Empty}>Nothing keeps anybody: every cluster is done.<//>`}
    <ul>
      ${rows.map((row) => html`<${Row} key=${row.by + row.name} row=${row} filter=${filter} choose=${choose} />`)}
    </ul>
  </section>`;
}

function Row({ row: { by, name, number, symbol }, filter, choose }) {
  const pressed = filter[by] === name;
  const filtered = { ...NOTHING, [by]: pressed ? "" : name };
  return html`<li>
    <button type="button" aria-pressed=${pressed} onClick=${() => choose(filtered)}>
      <${Symbol} name=${symbol} /><span>${spaced(name)}</span>
      <strong>${count(number)}</strong>
    </button>
  </li>`;
}

/** Failures by name where they are known ones, else by cause; then reasons. */
function rowsOf(/** @type {import("../../data/filter.js").Columns} */ columns) {
  const unknown = columns.causes.map((cause, index) => (columns.failures[index] ? null : cause));
  return [
    ...rows("failure", columns.failures, columns),
    ...rows("cause", unknown, columns),
    ...rows("reason", columns.reasons, columns),
  ];
}

function rows(by, values, { states }) {
  return tally(values).map(([name, number]) => ({
    by,
    name,
    number,
    symbol: states[values.indexOf(name)],
  }));
}
