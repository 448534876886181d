/** All attempts of all actions, over all rollouts: how long each took, and how it ended. */
import { useState } from "preact/hooks";
import { useServices } from "../../data/services.js";
import { html } from "../../html.js";
import { Symbol } from "../../parts/State.js";
import { At } from "../../parts/Time.js";
import { Words } from "../../parts/Words.js";
import { clusterPath, query } from "../../rest/client.js";
import { rolloutLink } from "../../route.js";
import { between, span } from "../../words/format.js";
import { spaced } from "../../words/states.js";
import { reasonName } from "../../words/why.js";

const RESULTS = {
  succeeded: "succeeded",
  failed: "failed",
  limit: "failed",
  refused: "failed",
  continued: "succeeded",
  "taken over": "takenOver",
  preempted: "cancelled",
};

const STEPS = 20;

export const historyPath = (/** @type {string} */ name, cursor = "") =>
  clusterPath(name, `/history${query({ limit: STEPS, cursor })}`);

/** `page`: of the history, the newest one. */
export function Runs({ name, page, now }) {
  return html`<section class="card" aria-labelledby="history">
    <h2 id="history">History</h2>
    <${Table} visits=${page.items} now=${now} />
    ${page.nextCursor && html`<${Older} key=${page.nextCursor} name=${name} cursor=${page.nextCursor} now=${now} />`}
  </section>`;
}

/** Pages that do not change: asked for once. */
function Older({ name, cursor, now }) {
  const { rest } = useServices();
  const [{ page, problem }, setAnswer] = useState({ page: null, problem: null });
  const more = async () => {
    try {
      setAnswer({ page: await rest.get(historyPath(name, cursor)), problem: null });
    } catch (problem) {
      setAnswer({ page: null, problem });
    }
  };
  if (!page)
    return html`<button type="button" onClick=${more}>Older steps</button>
      ${problem && html`<p class="bad" role="alert"><${Words} text=${problem.message} /></p>`}`;
  return html`<${Table} visits=${page.items} now=${now} />
    ${page.nextCursor && html`<${Older} key=${page.nextCursor} name=${name} cursor=${page.nextCursor} now=${now} />`}`;
}

function Table({ visits, now }) {
  const longest = Math.max(
    1,
    ...visits.flatMap(({ runs }) => runs.map((run) => seconds(run, now))),
  );
  return html`<div class="scroll" tabindex="0" role="group" aria-labelledby="history">
    <table class="runs">
      <thead>
        <tr>
          <th scope="col">Rollout</th>
          <th scope="col">Action</th>
          <th scope="col">Began</th>
          <th scope="col">Took</th>
          <th scope="col" class="took">
            <span class="unseen">As a bar:</span> requested, then working
          </th>
          <th scope="col">End</th>
        </tr>
      </thead>
      <tbody>
        ${visits.map((visit) => rows(visit, longest, now))}
      </tbody>
    </table>
  </div>`;
}

function rows({ rollout, member, runs }, longest, now) {
  const where = rollout.name
    ? html`<a href=${rolloutLink({ ...rollout, exact: true }, { step: member.step })}>${rollout.name}</a>`
    : "a rollout of another namespace";
  const place = html`${where}<span class="quiet"> step ${member.step}</span>`;
  if (!runs.length)
    return html`<tr key=${rollout.uid + member.step}><td>${place}</td><td colspan="5"><${Words} text=${noRun(member)} /></td></tr>`;
  return runs
    .map(
      (run, index) =>
        html`<${Row} key=${run.id} place=${place} run=${run} goesOn=${goesOn(run, runs[index - 1])} longest=${longest} now=${now} />`,
    )
    .reverse();
}

/** An action that pauses or resumes parts of a cluster takes several runs: no other attempt. */
function goesOn(run, before) {
  return before?.action === run.action && before.result === "continued";
}

function noRun(member) {
  if (!member.outcome) return member.reason ? reasonName(member.reason) : "";
  const why = member.message || member.completed?.at(-1)?.note || spaced(member.cause);
  return `${member.outcome}, nothing was requested${why ? `: ${why}` : ""}`;
}

function Row({ place, run, goesOn, longest, now }) {
  const again = goesOn ? " goes on" : run.attempt > 1 && ` attempt ${run.attempt}`;
  const name = run.result ? (RESULTS[run.result] ?? "skipped") : "running";
  return html`<tr>
    <td>${place}</td>
    <td>${run.action}${again && html`<span class="quiet">${again}</span>`}</td>
    <td><${At} stamp=${began(run)} now=${now} /></td>
    <td class="span">${span(seconds(run, now))}</td>
    <td class="took"><${Took} run=${run} name=${name} longest=${longest} now=${now} /></td>
    <td>
      <span class="state"><${Symbol} name=${name} /> ${run.result ?? run.state}</span>
      ${run.message && html`<p class="quiet"><${Words} text=${run.message} /></p>`}
    </td>
  </tr>`;
}

/** Until the cluster took it, the bar is pale. */
function Took({ run, name, longest, now }) {
  const whole = seconds(run, now);
  const asked = run.acceptedAt ? between(began(run), run.acceptedAt) : whole;
  const part = (length) => ({ width: `${(100 * length) / longest}%` });
  return html`<span class="run r-${name}" aria-hidden="true">
    <span class="asked" style=${part(asked)} /><span class="worked" style=${part(whole - asked)} />
  </span>`;
}

/** From when it was sent, as `explain` counts. */
const began = (run) => run.armingAt ?? run.intendedAt;
const seconds = (run, now) => between(began(run), run.endedAt, now);
