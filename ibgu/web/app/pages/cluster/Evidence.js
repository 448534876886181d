/** What was read on a cluster after its failure. */
import { html } from "../../html.js";
import { Ago } from "../../parts/Time.js";
import { Words } from "../../parts/Words.js";

export function Evidence({ found: { readAt, problem, objects, cause, commands }, now }) {
  return html`<details open>
    <summary>Evidence</summary>
    <dl>
      ${problem && html`<dt>velero</dt><dd><${Words} text=${problem} /></dd>`}
      ${objects.map((each) => html`<dt key=${each.object}>velero</dt><dd><${Words} text=${sentence(each)} /></dd>`)}
      ${readAt && html`<dt>read</dt><dd><${Ago} stamp=${readAt} now=${now} /> ago</dd>`}
      ${cause && html`<dt>cause</dt><dd><${Words} text=${cause.means} /></dd><dt>fix</dt><dd><${Words} text=${cause.remedy} /></dd>`}
      <dt>on site</dt>
      <dd>${commands.map((each) => html`<p class="words" key=${each}><${Words} text=${each} /></p>`)}</dd>
    </dl>
  </details>`;
}

function sentence({ object, phase, errors, warnings, messages }) {
  const counts = [count(errors, "error"), count(warnings, "warning")].filter(Boolean);
  const first = [`${object} ${phase}`.trim(), ...counts].join(", ");
  return messages.length ? `${first}: ${messages.join("; ")}` : first;
}

function count(number, noun) {
  return number ? `${number} ${noun}${number === 1 ? "" : "s"}` : "";
}
