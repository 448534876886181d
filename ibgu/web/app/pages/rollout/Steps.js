/** The steps of the plan, each with what became of its members; one of them is selected. */
import { overdueIn } from "../../data/view.js";
import { html } from "../../html.js";
import { Bar } from "../../parts/Bar.js";
import { Symbol } from "../../parts/State.js";
import { between, count, span } from "../../words/format.js";
import { markTitle, OVERDUE, STALLED } from "../../words/states.js";

/** Words that count more than one state. */
const TITLES = {
  running: "In flight: running, rebooting or taken over",
  waiting: "Not in flight: waiting, probing or held",
};
const COUNTED = ["succeeded", "failed", "running", "waiting", "skipped", "cancelled"];

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

function Counts({ step }) {
  const { state, counts, maxConcurrency, timeoutMinutes } = step;
  const plan = `${count(maxConcurrency)} slots · ${count(timeoutMinutes)} min`;
  if (state === "planned") return html`<span class="counts quiet">${plan}</span>`;
  return html`<span class="counts">
    ${COUNTED.map((name) => html`<${Counted} key=${name} name=${name} number=${counts[name]} />`)}
    <${Counted} name=${STALLED} number=${step.stalled} />
    <${Counted} name=${OVERDUE} number=${overdueIn(step)} />
    <span class="quiet">${plan}</span>
  </span>`;
}

function Counted({ name, number }) {
  if (!number) return null;
  return html`<span title=${TITLES[name] ?? markTitle(name) ?? name}>
    <${Symbol} name=${name} /> ${count(number)}<span class="unseen"> ${name}</span>
  </span>`;
}
