/** What `ibgu explain` prints, in the same words. */
import { html } from "../../html.js";
import { Symbol } from "../../parts/State.js";
import { Ago, At, WayBack } from "../../parts/Time.js";
import { Words } from "../../parts/Words.js";
import { Evidence } from "./Evidence.js";
import { policyLink, rolloutLink } from "../../route.js";
import { moment, utc } from "../../words/format.js";

const LINES = ["why", "means", "do", "ends", "late", "warning"];

export function Explained({ found, now }) {
  return html`<section class="card explained" aria-label="State">
    <p class="sentence"><${Symbol} name=${found.state} /> <${Words} text=${found.headline} /></p>
    <dl>
      ${LINES.filter((name) => found[name]).map(
        (name) => html`<dt key=${name}>${name}</dt><dd class=${name}><${Words} text=${found[name]} /></dd>`,
      )}
      ${found.overdue && html`<dt>overdue</dt><dd class="worry">since <${At} stamp=${found.overdue} now=${now} /></dd>`}
      ${found.newer.length > 0 && html`<dt>newer</dt><dd class="worry">${found.newer.map((text) => html`<p key=${text}><${Words} text=${text} /></p>`)}</dd>`}
      ${found.words && html`<dt>words</dt><dd><p class="words"><${Words} text=${found.words} /></p></dd>`}
      ${found.preflight.length > 0 && html`<dt>preflight</dt><dd>${found.preflight.map((text, index) => html`<p key=${index}><${Words} text=${text} /></p>`)}</dd>`}
      ${found.policy && html`<dt>policy</dt><dd><a href=${policyLink(found.policy)}>${found.policy}</a></dd>`}
      ${found.followUps.length > 0 && html`<dt>asked</dt><dd>${found.followUps.map((text, index) => html`<p key=${index}><${Words} text=${text} /></p>`)}</dd>`}
      ${found.since && html`<dt>for</dt><dd><${Ago} stamp=${found.since} now=${now} /></dd>`}
      ${found.limit && html`<dt>limit</dt><dd><${At} stamp=${found.limit} now=${now} /></dd>`}
      ${found.until && html`<dt>until</dt><dd><${At} stamp=${found.until} now=${now} /></dd>`}
      ${found.pausedSince && html`<dt>paused</dt><dd>since <${At} stamp=${found.pausedSince} now=${now} /></dd>`}
      ${found.rollbackUntil && html`<dt>rollback</dt><dd><${WayBack} until=${found.rollbackUntil} now=${now} /></dd>`}
      <dt>rollout</dt>
      <dd><${Rollout} found=${found} /></dd>
    </dl>
    ${found.evidence && html`<${Evidence} found=${found.evidence} now=${now} />`}
    <details open>
      <summary>How it came to this</summary>
      <ol class="came">
        ${found.history.map(
          ({ at, text }, index) => html`<li key=${index}>
            <time datetime=${at} title=${utc(at)}>${moment(at, now)}</time> <${Words} text=${text} />
          </li>`,
        )}
      </ol>
    </details>
  </section>`;
}

function Rollout({ found: { rollout, step } }) {
  const [namespace, name] = rollout.split("/");
  if (!name) return html`${rollout}, step ${step}`; // That of another namespace has no name here.
  return html`<a href=${rolloutLink({ namespace, name }, { step })}>${rollout}</a>, step ${step}`;
}
