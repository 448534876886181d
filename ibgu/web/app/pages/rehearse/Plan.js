/** One plan: when it ends, what stops it, step by step and by region, and the load. */
import { html } from "../../html.js";
import { Words } from "../../parts/Words.js";
import { policyLink } from "../../route.js";
import { clock, count, plural, sentence, utc } from "../../words/format.js";
import { approvalWords, bandWords, holdWords, shareWords, spreadWords, stampAt } from "../../words/rehearsal.js";
import { BandChart, EndsChart, RangeBar } from "./charts.js";

export function Plan({ id, name, plan, begin, by, gib }) {
  const longest = Math.max(...plan.load.map(({ at }) => at), plan.ends[plan.ends.length - 1]);
  return html`<article aria-labelledby=${id}>
    <h2 id=${id}>${name} <span class="quiet">${plural(plan.clusters, "cluster")}</span></h2>
    ${plan.warnings.map((each) => html`<p class="notice warn" key=${each}><${Words} text=${sentence(each)} /></p>`)}
    <${End} plan=${plan} begin=${begin} />
    <${Holds} plan=${plan} begin=${begin} />
    <${Steps} plan=${plan} begin=${begin} longest=${longest} />
    ${by && html`<${Regions} plan=${plan} begin=${begin} longest=${longest} by=${by} />`}
    <${Policies} policies=${plan.policies} />
    <${Load} plan=${plan} begin=${begin} until=${longest} gib=${gib} />
  </article>`;
}

const TILES = [
  ["p5", "nine of ten times from"],
  ["p50", "likely"],
  ["p95", "to"],
];

function End({ plan: { end, ends }, begin }) {
  const label = `Ends of the runs: nine of ten ${bandWords(begin, end)}`;
  return html`<section class="card">
    <h3>End</h3>
    <dl class="tiles">
      ${TILES.map(([key, words]) => {
        const stamp = stampAt(begin, end[key]);
        return html`<div key=${key}>
          <dt>${words}</dt>
          <dd><time datetime=${stamp} title=${utc(stamp)}>${clock(stamp)}</time></dd>
        </div>`;
      })}
    </dl>
    <${EndsChart} begin=${begin} ends=${ends} label=${label} />
    <p class="quiet">Runs by their end.</p>
  </section>`;
}

function Holds({ plan, begin }) {
  const found = holdWords(plan);
  return html`<section class="card">
    <h3>What stops it</h3>
    ${plan.endless.map((each) => html`<p class="notice bad" key=${each}><${Words} text=${sentence(each)} /></p>`)}
    ${
      found.length
        ? html`<ul class="failures holds">
            ${found.map(
              ({ share, words, policy }, index) => html`<li class="group" key=${index}>
                <span class="number">${shareWords(share)}</span>
                <p>
                  of the runs: ${words}
                  ${policy && html` <a href=${policyLink(policy)}>See ${policy}</a>`}
                </p>
              </li>`,
            )}
          </ul>`
        : html`<p>Nothing: no run needs a person${plan.approvals.length > 0 && ", but for approvals"}.</p>`
    }
    ${plan.approvals.map(
      (each, index) => html`<p key=${index}>
        ${approvalWords(each)} in ${shareWords(each.share)} of the runs: asked for ${bandWords(begin, each.asked)}.
      </p>`,
    )}
    ${plan.assumed.map((each) => html`<p class="quiet" key=${each}>Assumed: <${Words} text=${sentence(each)} /></p>`)}
  </section>`;
}

function Steps({ plan, begin, longest }) {
  return html`<section class="card">
    <h3>Steps</h3>
    <div class="scroll" tabindex="0" role="group" aria-label="Steps">
      <table class="rehearsed">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">End</th>
            <th scope="col">Clusters</th>
            <th scope="col">Runs</th>
          </tr>
        </thead>
        <tbody>
          ${plan.steps.map(
            (step) => html`<tr key=${step.step}>
              <th scope="row">${step.step} ${step.actions.join(" + ")}</th>
              <td><${Ends} end=${step.end} begin=${begin} longest=${longest} /></td>
              <td>${clustersWords(step)}</td>
              <td>${runsWords(step)}</td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="quiet">Clusters are means over the runs in which the step begins.</p>
  </section>`;
}

const mean = (/** @type {number} */ number) =>
  number > 0 && number < 0.05 ? "less than 0.1" : count(Math.round(number * 10) / 10);

const clustersWords = ({ succeeded, failed, neverStarted }) =>
  `${mean(succeeded)} succeed, ${mean(failed)} fail, ${mean(neverStarted)} never start`;

function runsWords({ begun, timedOut }) {
  const begins = `begins in ${shareWords(begun)}`;
  return timedOut ? `${begins}, its timeout ends it in ${shareWords(timedOut)}` : begins;
}

function Ends({ end, begin, longest }) {
  if (!end) return html`<span class="none">begins in no run</span>`;
  const words = bandWords(begin, end);
  return html`<${RangeBar} end=${end} longest=${longest} label=${`Nine of ten times ${words}`} />
    likely ${clock(stampAt(begin, end.p50))}, <span class="quiet">${words}</span>`;
}

function Regions({ plan: { regions, moreRegions }, begin, longest, by }) {
  return html`<section class="card">
    <h3>By <code>${by}</code></h3>
    <div class="scroll" tabindex="0" role="group" aria-label="Regions">
      <table class="rehearsed">
        <thead>
          <tr>
            <th scope="col">Value</th>
            <th scope="col">End</th>
          </tr>
        </thead>
        <tbody>
          ${regions.map(
            ({ value, end }) => html`<tr key=${value}>
              <th scope="row">${value || "without the label"}</th>
              <td><${Ends} end=${end} begin=${begin} longest=${longest} /></td>
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    ${moreRegions > 0 && html`<p class="quiet">${plural(moreRegions, "value")} more, which end earlier.</p>`}
  </section>`;
}

function Policies({ policies }) {
  return html`<section class="card">
    <h3>What policies keep waiting</h3>
    ${
      policies.length
        ? html`<div class="scroll" tabindex="0" role="group" aria-label="Policies">
            <table class="rehearsed">
              <thead>
                <tr>
                  <th scope="col">Policy</th>
                  <th scope="col" class="number">Clusters that wait</th>
                  <th scope="col" class="number">Hours of all of them</th>
                  <th scope="col" class="number">Miss a window</th>
                </tr>
              </thead>
              <tbody>
                ${policies.map(
                  ({ name, clusters, hours, missed, missedWindows }) => html`<tr key=${name}>
                    <th scope="row"><a href=${policyLink(name)}>${name}</a></th>
                    <td class="number">${spreadWords(clusters)}</td>
                    <td class="number">${spreadWords(hours)}</td>
                    <td class="number" title=${`${spreadWords(missedWindows)} windows in all`}>${spreadWords(missed)}</td>
                  </tr>`,
                )}
              </tbody>
            </table>
          </div>`
        : html`<p>No RolloutPolicy holds this rollout.</p>`
    }
  </section>`;
}

function Load({ plan: { slots, load }, begin, until, gib }) {
  const pulls = Math.max(...load.map((each) => each.pulls.p95));
  const size = gib > 0 ? `, ${count(Math.round(pulls * gib))} GiB` : "";
  const chart = (key, label) => {
    const points = load.map((each) => ({ at: each.at, ...each[key] }));
    return html`<${BandChart} begin=${begin} points=${points} until=${until} label=${label} />`;
  };
  return html`<section class="card">
    <h3>Load</h3>
    <h4>Clusters in flight: ${count(slots)} at most</h4>
    ${chart("slots", `Clusters in flight over time, ${count(slots)} at most`)}
    <h4>Registry: ${count(Math.round(pulls))} pulls within a minute${size}</h4>
    ${chart("pulls", `Pulls within a minute over time, ${count(Math.round(pulls))} at most`)}
    <p class="quiet key"><i class="middle"></i> half of the runs have less <i class="likely"></i> nine of ten runs</p>
  </section>`;
}
