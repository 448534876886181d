/** The steps of the plan, each with what became of its members; one of them is looked at. */
import { html } from "../../html.js";
import { Bar } from "../../parts/Bar.js";
import { Symbol } from "../../parts/State.js";
import { between, count, span } from "../../words/format.js";
import { STALLED } from "../../words/states.js";

const COUNTED = [
  ["succeeded", "succeeded"],
  ["failed", "failed"],
  ["running", "running"],
  ["waiting", "waiting"],
  ["skipped", "skipped"],
  ["cancelled", "cancelled"],
];

export function Steps({ steps, chosen, choose, now }) {
  return html`<nav class="steps" aria-label="Steps">
    ${steps.map(
      (step) => html`<button
        key=${step.step}
        type="button"
        class="step st-${step.state}"
        aria-current=${step.step === chosen ? "step" : null}
        onClick=${() => choose(step.step)}
      >
        <${Name} step=${step} now=${now} />
        <${Bar} counts=${step.counts} />
        <${Counts} step=${step} />
      </button>`,
    )}
  </nav>`;
}

function Name({ step, now }) {
  const took = step.startedAt ? span(between(step.startedAt, step.finishedAt, now)) : step.state;
  return html`<span class="what">
    <span class="number">${step.step}</span><strong>${step.actions.join(" + ")}</strong>
    <span class="quiet">${took}</span>
  </span>`;
}

function Counts({ step: { state, counts, stalled, maxConcurrency, timeoutMinutes } }) {
  const plan = `${count(maxConcurrency)} slots · ${count(timeoutMinutes)} min`;
  if (state === "planned") return html`<span class="counts quiet">${plan}</span>`;
  return html`<span class="counts">
    ${COUNTED.filter(([name]) => counts[name]).map(
      ([name, symbol]) =>
        html`<span key=${name} title=${name}>
          <${Symbol} name=${symbol} /> ${count(counts[name])}<span class="unseen"> ${name}</span>
        </span>`,
    )}
    ${stalled > 0 && html`<span><span title=${STALLED}><${Symbol} name=${STALLED} /> ${count(stalled)}<span class="unseen"> ${STALLED}</span></span></span>`}
    <span class="quiet">${plan}</span>
  </span>`;
}
