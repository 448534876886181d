/** The findings of preflight before a step that has begun, and what came of them; asked when it is opened. */
import { useState } from "preact/hooks";
import { useBody } from "../../../data/watch.js";
import { html } from "../../../html.js";
import { Words } from "../../../parts/Words.js";
import { rolloutPath } from "../../../rest/client.js";
import { count, moment, plural } from "../../../words/format.js";
import { ERROR } from "./Findings.js";

/** The kind whose steps are evaluated by preflight before they start. */
export const RECORDS_FINDINGS = "ImageBasedGroupUpgrade";
/** Milliseconds between two questions while members end. */
const GAP = 5_000;
const concerns = ({ kind }) => kind === "PreflightEvaluated" || kind === "MemberFinished";

export function Recorded({ rollout, step }) {
  const [open, setOpen] = useState(false);
  return html`<section class="card preflight recorded" aria-label="Findings before the start">
    <details onToggle=${(event) => setOpen(event.currentTarget.open)}>
      <summary>Findings before this step</summary>
      ${open && html`<${Steps} rollout=${rollout} step=${step} />`}
    </details>
  </section>`;
}

function Steps({ rollout, step }) {
  const { body } = useBody(rolloutPath(rollout, "/preflight"), { gap: GAP, concerns });
  if (!body) return html`<p class="quiet" role="status">Loading…</p>`;
  const found = body.items.find((each) => each.step === step);
  if (!found) return html`<p class="quiet">Preflight did not evaluate this step.</p>`;
  return html`<p class="quiet">Checked at ${moment(found.at)}. ${unknown(found)}</p>
    <ul>
      ${found.findings.map((each, index) => html`<${Finding} key=${index} found=${each} />`)}
    </ul>
    ${!found.findings.length && html`<p>No rule found an error or a warning.</p>`}
    <${Outcome} of=${found} />`;
}

const unknown = ({ unknown: rules }) =>
  rules.length ? `${plural(rules.length, "rule")} could not be checked: ${rules.join(", ")}.` : "";

function Finding({ found: { rule, severity, message, remedy, count: number, clusters } }) {
  const error = severity === ERROR;
  const left = number - clusters.length;
  return html`<li class="finding">
    <strong class=${error ? "bad" : "worry"}>${error ? "Error" : "Warning"}</strong>
    <div>
      <p>
        <strong>${number ? plural(number, "cluster") : "The plan"}:</strong> <${Words} text=${message} />
      </p>
      ${clusters.length > 0 && html`<p class="quiet">${clusters.join(", ")}${left > 0 && ` and ${count(left)} more`}</p>`}
      <p class="remedy"><strong>Do:</strong> <${Words} text=${remedy} /></p>
      <p class="quiet">Rule ${rule}</p>
    </div>
  </li>`;
}

function Outcome({ of }) {
  const { failed, found, notChecked, missed, unforeseeable, succeededInSpite } = of;
  const lines = [
    failed &&
      `${plural(failed, "cluster")} failed in a way that rules look for: found before ${count(found)}, not checked ${count(notChecked)}, missed ${count(missed)}.`,
    unforeseeable &&
      `${plural(unforeseeable, "cluster")} failed in a way that no rule looks for.`,
    succeededInSpite &&
      `${plural(succeededInSpite, "cluster")} with an error succeeded all the same.`,
  ].filter(Boolean);
  return lines.map((text) => html`<p key=${text}>${text}</p>`);
}
