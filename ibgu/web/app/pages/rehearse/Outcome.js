/** How the plan is likely to go; of two plans, the second beside the first. */
import { html } from "../../html.js";
import { Words } from "../../parts/Words.js";
import { clock, count, plural, sentence, span, utc } from "../../words/format.js";
import {
  bandWords,
  differenceWords,
  heldShare,
  hoursKept,
  shareWords,
  spreadWords,
  stampAt,
} from "../../words/rehearsal.js";
import { Plan } from "./Plan.js";

export function Outcome({ asked, found }) {
  const { begin, runs, plans, leftOut } = found;
  const few = runs < asked.body.runs;
  return html`<section class="outcome" aria-label="Outcome">
    <p role="status">
      <strong>Rehearsed ${runs === 1 ? "once" : `${count(runs)} times`}</strong>,
      ${" "}from <time datetime=${begin} title=${utc(begin)}>${clock(begin)}</time>.
      ${few && ` The time did not suffice for ${count(asked.body.runs)} runs. The command ibgu rehearse has no such limit.`}
    </p>
    ${plans.length > 1 && html`<${Compared} begin=${begin} plans=${plans} />`}
    <div class=${plans.length > 1 ? "side-by-side" : ""}>
      ${plans.map(
        (plan, index) => html`<${Plan}
          key=${index}
          id=${`plan-${index}`}
          name=${nameOf(plan, index)}
          plan=${plan}
          begin=${begin}
          by=${asked.body.by}
          gib=${asked.gib}
        />`,
      )}
    </div>
    <p class="quiet">
      A model in virtual time; nothing was changed. A run that a person has to resume ends there.
      Not rehearsed: <${Words} text=${sentence(leftOut)} />
    </p>
  </section>`;
}

/** Two plans may have the same name, and mostly do. */
const nameOf = ({ name }, index) => `${index ? "Second plan" : "Plan"}${name && ` ${name}`}`;

function Compared({ begin, plans }) {
  const [first, second] = plans;
  return html`<section class="card" aria-labelledby="compared">
    <h2 id="compared">Compared</h2>
    <p><${Words} text=${differenceWords(first, { ...second, name: "" })} /></p>
    <div class="scroll" tabindex="0" role="group" aria-label="Both plans">
      <table class="compared">
        <thead>
          <tr>
            <td></td>
            <th scope="col">Plan</th>
            <th scope="col">Second plan</th>
          </tr>
        </thead>
        <tbody>
          ${ROWS.map(
            ([title, words]) => html`<tr key=${title}>
              <th scope="row">${title}</th>
              ${plans.map((plan, index) => html`<td key=${index}>${words(plan, begin)}</td>`)}
            </tr>`,
          )}
        </tbody>
      </table>
    </div>
    <p class="quiet">With the same luck: the same action takes as long on the same cluster in both.</p>
  </section>`;
}

const ROWS = [
  ["Likely end", ({ end }, begin) => clock(stampAt(begin, end.p50))],
  ["Nine of ten times", ({ end }, begin) => bandWords(begin, end)],
  ["Takes, likely", ({ end }) => span(end.p50)],
  ["A person has to act", (plan) => `in ${shareWords(heldShare(plan))} of the runs`],
  ["Succeed in the last step", ({ steps }) => plural(Math.round(steps[steps.length - 1].succeeded), "cluster")],
  ["In flight at most", ({ slots }) => plural(slots, "cluster")],
  ["Pulls within a minute", ({ pulls }) => spreadWords(pulls)],
  ["Wait for policies, in all", (plan) => `${count(Math.round(hoursKept(plan)))} h`],
];
