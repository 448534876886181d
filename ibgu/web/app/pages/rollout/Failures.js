/** Failures by what happened, with what to do; the largest group first. */
import { NOTHING } from "../../data/filter.js";
import { html } from "../../html.js";
import { Words } from "../../parts/Words.js";
import { clusterLink, rolloutLink } from "../../route.js";
import { count, plural } from "../../words/format.js";
import { spaced } from "../../words/states.js";

const SHOWN = 3;
/** Groups that are not folded: below them stands how the step goes. */
const GROUPS = 3;

export function Failures({ body, rollout, filter, choose }) {
  if (!body?.total) return null;
  const [largest] = body.items;
  const rest = body.items.slice(GROUPS);
  const shared = { rollout, filter, choose };
  const share =
    body.items.length > 1
      ? `${count(largest.count)} of ${count(body.total)} have the same cause`
      : "all have the same cause";
  return html`<section class="card failures" aria-labelledby="failures">
    <h2 id="failures">
      ${plural(body.total, "failure")} in this step${largest.count > 1 && html` <span class="quiet">· ${share}</span>`}
    </h2>
    <${Groups} groups=${body.items.slice(0, GROUPS)} ...${shared} />
    ${
      rest.length > 0 &&
      html`<details>
      <summary>
        ${plural(rest.length, "more kind")} of failure, of ${plural(sum(rest), "cluster")}
      </summary>
      <${Groups} groups=${rest} ...${shared} />
    </details>`
    }
  </section>`;
}

/** Failures of the other steps: a step that cleans up after them must not hide them. */
export function FailedElsewhere({ rollout, steps, step, label }) {
  const others = steps.filter((each) => each.step !== step && each.counts?.failed);
  if (!others.length) return null;
  return html`<p class="notice quiet">
    ${others.map(
      (each, index) => html`<span key=${each.step}>${index ? ", " : ""}
        <a href=${rolloutLink(rollout, { step: each.step, label })}>${plural(each.counts.failed, "cluster")} failed in
        ${" "}step ${each.step}, ${each.actions.join(" + ")}</a></span>`,
    )}
  </p>`;
}

const sum = (groups) => groups.reduce((total, { count: number }) => total + number, 0);

function Groups({ groups, ...shared }) {
  return html`<ul>
    ${groups.map((group, index) => html`<${Group} key=${index} group=${group} ...${shared} />`)}
  </ul>`;
}

/** A cause like UpgradeFailed says no more than action and outcome do. */
function titleOf({ action, outcome, failure, cause, specific }) {
  const first = `${action ?? ""} ${outcome}`.trim();
  return specific ? `${first}: ${spaced(failure ?? cause)}` : first;
}

/** The clusters' words, with the cluster that they are of if others have said something else. */
const wordsOf = ({ message, messageOf }) =>
  messageOf ? `for example ${messageOf}: ${message}` : message;

/** Whom a later abort has already taken back needs the remedy no more. */
const allAborted = ({ aborted, count: all }) => aborted.length === all;

function abortedOf({ aborted, count: all }) {
  if (aborted.length === all) return "aborted afterwards";
  return `aborted afterwards: ${aborted.slice(0, SHOWN).join(", ")}${aborted.length > SHOWN ? ` and ${count(aborted.length - SHOWN)} more` : ""}`;
}

function Group({ group, rollout, filter, choose }) {
  const { label } = filter;
  const wanted = group.failure
    ? { ...NOTHING, label, failure: group.failure }
    : { ...NOTHING, label, cause: group.cause ?? "" };
  const pressed =
    Boolean(wanted.failure || wanted.cause) &&
    filter.failure === wanted.failure &&
    filter.cause === wanted.cause;
  return html`<li class="group">
    <span class="number">${count(group.count)}</span>
    <div>
      <h3>${titleOf(group)}</h3>
      ${group.message && html`<p class="words"><${Words} text=${wordsOf(group)} /></p>`}
      ${group.means && html`<p><${Words} text=${group.means} /></p>`}
      ${group.aborted.length > 0 && html`<p class="quiet">${abortedOf(group)}</p>`}
      ${
        group.remedy &&
        !allAborted(group) &&
        html`<p class="remedy"><strong>Do:</strong> <${Words} text=${group.remedy} /></p>`
      }
      <p class="buttons">
        ${group.clusters
          .slice(0, SHOWN)
          .map(
            (name) =>
              html`<a key=${name} href=${clusterLink(name, { rollout: `${rollout.namespace}/${rollout.name}` })}>${name}</a>`,
          )}
        <button
          type="button"
          class="small"
          aria-pressed=${pressed}
          onClick=${() => choose(pressed ? { ...NOTHING, label } : wanted)}
        >
          ${pressed ? "Show all clusters" : `Show ${group.count > 1 ? `all ${count(group.count)}` : "it"} in the grid`}
        </button>
      </p>
    </div>
  </li>`;
}
