/** The grid, with the legend that filters it. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { chosen, NOTHING, tally } from "../../data/filter.js";
import { Grid } from "../../grid/Grid.js";
import { html } from "../../html.js";
import { Symbol } from "../../parts/State.js";
import { Words } from "../../parts/Words.js";
import { clusterLink, go } from "../../route.js";
import { between, count, plural, span } from "../../words/format.js";
import { MARKS, markTitle, marksOf, ORDER, REPORTS, spaced, stateOf } from "../../words/states.js";
import { nameOf } from "../../words/why.js";

/** `labelled`: whom the labels leave in, null: all; `refused`: why labels can't be asked for. */
export function Clusters({ rollout, columns, matching, labelled, refused, filter, choose, now }) {
  const { clusters, states } = columns;
  const shown = matching.reduce((sum, each) => sum + each, 0);
  const label = chosen(filter)
    ? `${count(shown)} of ${plural(clusters.length, "cluster")}`
    : plural(clusters.length, "cluster");
  const open = (index) =>
    go(clusterLink(clusters[index], { rollout: `${rollout.namespace}/${rollout.name}` }));
  return html`<section class="card clusters" aria-labelledby="clusters">
    <div class="head">
      <h2 id="clusters">${label}</h2>
      <${Legend} columns=${columns} labelled=${labelled} filter=${filter} choose=${choose} />
      <input
        type="search"
        class="small"
        placeholder="Name contains…"
        aria-label="Show clusters whose name contains"
        value=${filter.find}
        onInput=${(event) => choose({ ...filter, find: event.target.value }, { typing: true })}
      />
      <${LabelField}
        given=${filter.label}
        wrong=${refused !== null}
        apply=${(label) => choose({ ...filter, label })}
      />
      <${Chosen} filter=${filter} choose=${choose} />
    </div>
    <p id="label-problem" class="problem" role="alert">
      ${refused && html`<${Words} text=${`Labels ${filter.label}: ${refused.message}`} />`}
    </p>
    <${Grid}
      states=${states}
      marks=${columns}
      matching=${matching}
      label=${label}
      told=${(index) => html`<${Cell} columns=${columns} index=${index} now=${now} />`}
      said=${(index) => sentence(columns, index, now)}
      open=${open}
    />
  </section>`;
}

/** What is typed is kept until Enter, however often the page is drawn meanwhile. */
function LabelField({ given, wrong, apply }) {
  const [typed, setTyped] = useState(given);
  useEffect(() => setTyped(given), [given]);
  return html`<input
    type="search"
    class="small labels"
    placeholder="Labels: ring=1,!canary"
    title="Label selector, as for kubectl get -l. Press Enter to apply it."
    aria-label="Show clusters whose labels match this selector"
    aria-invalid=${wrong ? "true" : null}
    aria-describedby="label-problem"
    spellcheck="false"
    autocomplete="off"
    value=${typed}
    onInput=${(event) => setTyped(event.target.value)}
    onChange=${(event) => apply(event.target.value.trim())}
  />`;
}

/** A cluster with a mark or a report counts in a state, too. */
function Legend({ columns, labelled, filter, choose }) {
  const counts = useMemo(() => {
    const marked = (mark) => tally(columns[mark].map((each) => (each ? mark : null)), labelled);
    return new Map([...tally(columns.states, labelled), ...[...MARKS, ...REPORTS].flatMap(marked)]);
  }, [columns, labelled]);
  const toggle = (name) => {
    const state = new Set(filter.state);
    if (!state.delete(name)) state.add(name);
    choose({ ...filter, state });
  };
  const alone = filter.state.size === 1;
  const shown = (name) => counts.has(name) || (alone && filter.state.has(name));
  return html`<div class="legend" role="group" aria-label="Show only clusters in these states">
    ${[...ORDER, ...MARKS, ...REPORTS].filter(shown).map(
      (name) => html`<button
        key=${name}
        type="button"
        class="small"
        title=${markTitle(name)}
        aria-pressed=${filter.state.has(name)}
        onClick=${() => toggle(name)}
      >
        <${Symbol} name=${name} /> ${stateOf(name).label} <strong>${count(counts.get(name) ?? 0)}</strong>
      </button>`,
    )}
  </div>`;
}

function Chosen({ filter, choose }) {
  if (!chosen(filter)) return null;
  const words = [filter.failure, filter.cause, filter.reason]
    .filter(Boolean)
    .map(spaced)
    .join(", ");
  return html`<button type="button" class="small" onClick=${() => choose(NOTHING)}>
    Clear filter${words && ` (${words})`}
  </button>`;
}

function Cell({ columns, index, now }) {
  const name = columns.states[index];
  return html`<strong>${columns.clusters[index]}</strong>
    <span><${Symbol} name=${name} /> ${stateOf(name).label}${lasting(columns, index, now)}</span>
    ${why(columns, index) && html`<span class="quiet">${why(columns, index)}</span>`}`;
}

const sentence = (columns, index, now) =>
  [
    columns.clusters[index],
    stateOf(columns.states[index]).label + lasting(columns, index, now),
    why(columns, index),
  ]
    .filter(Boolean)
    .join(", ");

const why = ({ states, failures, causes, reasons }, index) =>
  nameOf(states[index], failures[index] ?? causes[index], reasons[index], false);

function lasting(columns, index, now) {
  const since = columns.since[index];
  if (!since) return "";
  const words = span(between(since, null, now));
  if (!columns.reasons[index]) return ` ${words} ago`;
  return [` for ${words}`, ...marksOf(columns, index)].join(", ");
}
