/** The ten seconds: does it move, what failed, what waits and for whom, when is it over. */
import { overdueIn } from "../../data/view.js";
import { html } from "../../html.js";
import { ended } from "../../parts/Bar.js";
import { HeldBy } from "../../parts/HeldBy.js";
import { Phase } from "../../parts/Phase.js";
import { Number } from "../../parts/Number.js";
import { Ago, At, Ends, WayBack } from "../../parts/Time.js";
import { Words } from "../../parts/Words.js";
import { membersLink, rolloutLink } from "../../route.js";
import { Newer } from "./Newer.js";
import { Actions } from "./actions/Actions.js";
import { capitalized, count, creator, plural, sentence } from "../../words/format.js";
import { OVERDUE, ROLLBACK, spaced, STALLED, WARNED } from "../../words/states.js";
import { whomOf } from "../../words/why.js";

/** `reports`: as the route `view` has them; `next`: the step that has not begun, if one is to come; `selected`: the numbers of clusters with a label only; null: no label is asked for. */
export function Headline({ rollout, reports, step, next, selected, now }) {
  const { namespace, name, release, createdBy, createdAt } = rollout;
  return html`<section class="headline">
    <div class="title">
      <div>
        <h1>${name} <${Phase} rollout=${rollout} /></h1>
        <p class="quiet">
          ${namespace} · → ${release.version || "no version"} ·${" "}
          created <${At} stamp=${createdAt} now=${now} />${createdBy && ` ${creator(createdBy)}`}
        </p>
      </div>
      <${Actions} rollout=${rollout} step=${step} />
    </div>
    <p class="facts">${step ? html`<${Facts} rollout=${rollout} reports=${reports} step=${step} next=${next} selected=${selected} now=${now} />` : html`<span>Nothing has started yet.</span>`}</p>
    <${Newer} rollout=${rollout} />
    ${rollout.brokenGlass.map((each) => html`<${BrokenGlass} key=${each.name} glass=${each} now=${now} />`)}
    ${(rollout.annotationMistakes ?? []).map((words) => html`<${Mistake} key=${words} words=${words} />`)}
    <${Hold} hold=${rollout.hold} now=${now} />
    <${Kept} reasons=${rollout.waitsFor} counts=${rollout.current?.counts} />
  </section>`;
}

function Facts({ rollout, reports, step: all, next, selected, now }) {
  const whole = selected?.counts ?? rollout.counts;
  const step = selected?.step ?? all;
  const { counts } = step;
  const label = selected?.label;
  const over = all.state === "finished";
  const stalled = selected ? step.stalled : rollout.stalled;
  return html`${selected && html`<span class="quiet">only clusters matching <code>${label}</code></span>`}
    <span>
      <strong>${count(whole.succeeded)} of ${plural(whole.total, "cluster")} done</strong>
      ${rollout.plan.length > 1 && html` <span class="quiet">with the full plan</span>`}
    </span>
    <${Failed} rollout=${rollout} label=${label} whole=${whole.failed} here=${counts.failed} />
    ${whole.cancelled > 0 && html`<span class="quiet">${count(whole.cancelled)} cancelled</span>`}
    ${whole.skipped > 0 && html`<span class="quiet">${count(whole.skipped)} skipped</span>`}
    <span>
      <strong>step ${step.step} of ${rollout.plan.length}, ${step.actions.join(" + ")}</strong>
      ${" "}${count(ended(counts))} of ${count(counts.total)} ended
    </span>
    ${!over && html`<${Number} rollout=${rollout} label=${label} state=${STALLED} number=${stalled} />`}
    ${!over && html`<${Number} rollout=${rollout} label=${label} state=${OVERDUE} number=${overdueIn(step)} />`}
    ${!over && html`<${InFlight} running=${counts.running} slots=${selected ? null : step.maxConcurrency} />`}
    ${!over && html`<span title="Not in flight: waiting, probing or held">${count(counts.waiting)} waiting</span>`}
    ${!selected && rollout.warned > 0 && html`<${Reported} ...${{ rollout, reports, state: WARNED, tone: "worry" }} words=${`${count(rollout.warned)} with a warning`} />`}
    ${
      !selected &&
      rollout.rollback &&
      html`<span>
        <${Reported} ...${{ rollout, reports, state: ROLLBACK }} words=${plural(rollout.rollback.clusters, "cluster")} />: <${WayBack} until=${rollout.rollback.until} now=${now} />
      </span>`
    }
    ${!selected && next && html`<a href=${rolloutLink(rollout, { step: next.step })}>preflight of step ${next.step}</a>`}
    ${!selected && html`<${Ends} eta=${rollout.eta} now=${now} />`}
    ${over && html`<span class="quiet">ended <${At} stamp=${all.finishedAt} now=${now} /></span>`}`;
}

/**
 * How many clusters report something, of all steps. The link leads to those of the one step where
 * they are, or several links to those of each.
 */
function Reported({ rollout, reports, state, words, tone = "" }) {
  const steps = reports.filter((each) => each[state] > 0);
  const to = (step) => membersLink(rollout, state, undefined, step);
  if (steps.length === 1) return html`<a class=${tone} href=${to(steps[0].step)}>${words}</a>`;
  const links = steps.map(
    ({ step, [state]: number }, index) =>
      html`${index > 0 && ", "}<a key=${step} href=${to(step)}>${count(number)} in step ${step}</a>`,
  );
  return html`<span class=${tone}>${words}</span>${steps.length > 0 && html` <span class="quiet">(${links})</span>`}`;
}

/** The link shows the newest step only, so it is at the number of that. */
function Failed({ rollout, label, whole, here }) {
  const shared = { rollout, label, state: "failed" };
  if (whole === here) return html`<span><${Number} ...${shared} number=${whole} /></span>`;
  return html`<span>
    <${Number} ...${shared} number=${whole} leads=${false} />
    ${" "}<span class="quiet">(<${Number} ...${shared} number=${here} words=${`${count(here)} in this step`} />)</span>
  </span>`;
}

/** `slots`: null where only some of the step's clusters are counted. */
const InFlight = ({ running, slots }) =>
  html`<span>${slots === null ? `${count(running)} in flight` : `${count(running)} of ${count(slots)} slots used`}</span>`;

const BrokenGlass = ({ glass, now }) =>
  html`<p class="notice bad" role="alert">
    <strong>Break glass: ${glass.user} lets this rollout pass ${glass.gates.join(", ")}</strong>
    ${" "}until <${At} stamp=${glass.until} now=${now} />. <${Words} text=${glass.reason} />
  </p>`;

const Mistake = ({ words }) =>
  html`<p class="notice warn" role="status"><${Words} text=${sentence(words)} /></p>`;

function Hold({ hold, now }) {
  if (!hold) return null;
  if (hold.kind === "Paused")
    return html`<p class="notice warn" role="status">
      <strong>Nothing new has started</strong> for <${Ago} stamp=${hold.since} now=${now} />.
      ${" "}<${Words} text=${capitalized(sentence(hold.message))} />
    </p>`;
  return html`<p class="notice warn" role="status">
    <strong>Nothing new has started: ${spaced(hold.kind)}</strong>, for <${Ago} stamp=${hold.since} now=${now} />,
    ${" "}${whomOf(hold)}: <${Words} text=${sentence(hold.message)} />
  </p>`;
}

/** Where no hold keeps the step, but every cluster is kept for a reason of its own. */
function Kept({ reasons, counts }) {
  if (!reasons.length) return null;
  const flight = counts.running
    ? `${plural(counts.running, "cluster")} in flight ${counts.running === 1 ? "is" : "are"} kept between two actions`
    : "Nothing is in flight";
  return html`<div class="notice warn" role="status">
    <strong>${flight}, and no waiting cluster can start:</strong>
    <ul>
      ${reasons.map((each) => html`<li key=${[each.kind, each.who, each.policy, each.message].join("/")}><${KeptBy} reason=${each} /></li>`)}
    </ul>
  </div>`;
}

function KeptBy({ reason }) {
  const { kind, count: number, message } = reason;
  if (message) return html`<${HeldBy} reason=${reason} /> ${capitalized(sentence(whomOf(reason)))}`;
  return html`<strong>${capitalized(spaced(kind))}</strong> (${plural(number, "cluster")}), ${sentence(whomOf(reason))}`;
}
