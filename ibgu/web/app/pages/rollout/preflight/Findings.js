/** What preflight has found, by rule; what it could not check, by reason. Long lists are folded and cut. */
import { useState } from "preact/hooks";
import { html } from "../../../html.js";
import { Words } from "../../../parts/Words.js";
import { count, plural, sentence } from "../../../words/format.js";

export const ERROR = "error";
export const WARNING = "warning";
const UNKNOWN = "unknown";

/** Findings of a rule that are not folded. */
const SHOWN = 3;
/** Findings of a rule, and reasons, that are there at all. */
const MAX_SHOWN = 100;
/** Names that are read at a glance. */
const NAMED = 5;

export function Findings({ report, rollout }) {
  const titles = titlesOf(report);
  const known = report.findings.filter((each) => !isUnknown(each));
  return html`<ul>
    ${grouped(known, ({ severity, rule }) => [severity, rule]).map(
      (found) => html`<${Group}
        key=${`${found[0].severity} ${found[0].rule}`}
        found=${found}
        title=${titles.get(found[0].rule)}
        rollout=${rollout}
        clusters=${report.clusters}
      />`,
    )}
  </ul>`;
}

const titlesOf = ({ rules }) => new Map(rules.map(({ rule, title }) => [rule, title]));

/** Lists of findings with an equal key, in the order of their first ones. */
function grouped(findings, keyOf) {
  const groups = new Map();
  for (const each of findings) {
    const key = JSON.stringify(keyOf(each));
    if (!groups.get(key)?.push(each)) groups.set(key, [each]);
  }
  return [...groups.values()];
}

function Group({ found, title, rollout, clusters }) {
  const [{ severity, rule, remedy, reference }] = found;
  const error = severity === ERROR;
  return html`<li class="finding">
    <strong class=${error ? "bad" : "worry"}>${error ? "Error" : "Warning"}</strong>
    <div>
      <${Folded} items=${found} shown=${SHOWN} noun="finding" rollout=${rollout}
        draw=${(each, index) => html`<${Finding} key=${index} found=${each} clusters=${clusters} />`}
      />
      <p class="remedy"><strong>Do:</strong> <${Words} text=${remedy} /></p>
      <p class="quiet">Rule ${rule}: <${Words} text=${sentence(title)} /> ${sourceOf(reference)}.</p>
    </div>
  </li>`;
}

const sourceOf = (/** @type {string} */ reference) =>
  /^\d/.test(reference) ? `OpenShift's manual, chapter ${reference}` : reference;

/** `noun`: what there is more of. What is folded is made when it is opened. */
function Folded({ items, shown, noun, rollout: { namespace, name }, draw }) {
  const [open, setOpen] = useState(false);
  const left = items.length - MAX_SHOWN;
  return html`${items.slice(0, shown).map(draw)}
    ${
      items.length > shown &&
      html`<details onToggle=${(event) => setOpen(event.currentTarget.open)}>
      <summary>${plural(items.length - shown, `more ${noun}`)}</summary>
      ${open && items.slice(shown, MAX_SHOWN).map((each, index) => draw(each, shown + index))}
      ${
        left > 0 &&
        html`<p class="quiet">${count(left)} more: <code>ibgu preflight ${name} -n ${namespace}</code> lists them.</p>`
      }
    </details>`
    }`;
}

function Finding({ found, clusters: all }) {
  const { count: number, clusters: names, message } = found;
  const whole = number === all && all > 1 ? "All " : "";
  const whom = html`<strong>${whole}${plural(number, "cluster")}:</strong>`;
  if (!names.length) return html`<p>${number > 0 && whom} <${Objection} found=${found} /></p>`;
  return html`<p>${whom} <${Words} text=${message} /></p>
    <${Names} names=${names} number=${number} />
    ${!isCluster(found) && html`<p class="quiet"><${Place} found=${found} /></p>`}`;
}

/** The names of the clusters say as much. */
const isCluster = ({ object, field, file }) => object === "ManagedCluster" && !field && !file;

const Objection = ({ found }) =>
  html`<${Place} found=${found} /> <${Words} text=${found.message} />`;

/** What it names is a tenant's or a cluster's: it must not turn the words around it. */
function Place({ found: { object, field, file, line } }) {
  const place = [object, field].filter(Boolean).join(" ");
  return html`<bdi class="place"><${Words} text=${place} /></bdi>${
    file && html` <bdi class="quiet">(<${Words} text=${file} />:${line})</bdi>`
  }`;
}

function Names({ names, number }) {
  const [open, setOpen] = useState(false);
  if (!names.length) return null;
  const first = names.slice(0, NAMED).join(", ");
  if (number <= NAMED) return html`<p class="quiet">${first}</p>`;
  const left = number - names.length;
  return html`<details onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>${first} and ${count(number - NAMED)} more</summary>
    ${
      open &&
      html`<p class="names" role="group" aria-label="Clusters" tabindex="0">
      ${names.join(", ")}${left > 0 && ` and ${count(left)} more`}
    </p>`
    }
  </details>`;
}

/** The number of rules that could not be checked, or not everywhere. */
export const unknownRules = ({ findings }) => rulesOf(findings.filter(isUnknown)).length;

const isUnknown = ({ severity }) => severity === UNKNOWN;
const rulesOf = (findings) => [...new Set(findings.map(({ rule }) => rule))];

/** Findings that differ in their rules alone are one. */
export function Unknown({ report, rollout }) {
  const titles = titlesOf(report);
  const unknown = report.findings.filter(isUnknown);
  if (!unknown.length) return null;
  const reasons = grouped(unknown, ({ object, field, message, clusters }) => [
    ...[object, field, message],
    ...clusters,
  ]);
  return html`<details>
    <summary>Why ${plural(rulesOf(unknown).length, "rule")} could not be checked</summary>
    <${Folded} items=${reasons} shown=${MAX_SHOWN} noun="reason" rollout=${rollout}
      draw=${(same, index) => html`<${Reason} key=${index} same=${same} titles=${titles} clusters=${report.clusters} />`}
    />
  </details>`;
}

function Reason({ same, titles, clusters }) {
  const [first] = same;
  return html`<div class="reason">
    ${first.clusters.length ? html`<${Finding} found=${first} clusters=${clusters} />` : html`<p><${Objection} found=${first} /></p>`}
    <ul class="quiet">
      ${rulesOf(same).map((rule) => html`<li key=${rule}>${rule}: <${Words} text=${titles.get(rule)} /></li>`)}
    </ul>
  </div>`;
}
