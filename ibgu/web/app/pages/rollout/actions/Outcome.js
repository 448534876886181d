/** What the change would do, or why that is not known; once it was sent, why it was not made. */
import { html } from "../../../html.js";
import { Command } from "../../../parts/Copy.js";
import { Unanswered } from "../../../parts/Notice.js";
import { Words } from "../../../parts/Words.js";
import { sentence } from "../../../words/format.js";
import { passes } from "./asking.js";

/** @param {{ asked: import("./asking.js").Asked, refused: Error | null, unanswered: number | null,
 *   again: () => void }} props unanswered: since when dry run or preview have no answer */
export function Outcome({ asked: { answer, problem }, refused, unanswered, again }) {
  if (refused) return html`<${Refusal} problem=${refused} />`;
  if (problem) return html`<${Refusal} problem=${problem} retried=${passes(problem)} />`;
  return html`
    ${!answer && !unanswered && html`<p class="quiet" aria-busy="true">Checking what the change would do…</p>`}
    ${answer && html`<p><${Words} text=${sentence(answer.done)} /></p>`}
    ${answer?.kubectl && html`<${ByHand} line=${answer.kubectl} />`}
    ${
      unanswered &&
      html`<div class="notice warn" role="status">
      <${Unanswered} since=${unanswered} /> Nothing has been changed.
      ${" "}<button type="button" class="small" onClick=${again}>Try again</button>
    </div>`
    }`;
}

/** Characters of a command that would push the buttons out of sight. */
const LONG = 300;

function ByHand({ line }) {
  if (line.length > LONG)
    return html`<details>
      <summary>The same with kubectl</summary>
      <${Command} line=${line} />
    </details>`;
  return html`<p class="quiet">The same with kubectl:</p>
    <${Command} line=${line} />`;
}

const Refusal = ({ problem, retried = false }) =>
  html`<p class="notice bad" role="alert"><${Words} text=${sentence(problem.message)} />${retried && " The dialog tries again every few seconds."}</p>`;
