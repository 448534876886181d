/** A step more, with its preview before it is appended. */
import { html } from "../../../html.js";
import { rolloutPath } from "../../../rest/client.js";
import { Bounds } from "./forms.js";
import { Change } from "./Change.js";
import { Preview } from "./Preview.js";

const SLOTS = 10;
const MINUTES = 240;

export function AppendStep({ plans, rollout, step, onClose }) {
  const start = {
    actions: plans[0],
    maxConcurrency: step?.maxConcurrency ?? SLOTS,
    timeout: step?.timeoutMinutes ?? MINUTES,
  };
  return html`<${Change}
    title=${`Add a step to ${rollout.name}`}
    path=${rolloutPath(rollout, "/steps")}
    start=${start}
    Fields=${Fields}
    given=${plans}
    onClose=${onClose}
  >
    ${(body) => html`<${Preview} rollout=${rollout} step=${body} />`}
  <//>`;
}

function Fields({ given: plans, body, change }) {
  return html`<fieldset class="plans">
      <legend>What</legend>
      ${plans.map(
        (actions) => html`<label key=${actions.join()}>
          <input
            type="radio"
            name="plan"
            checked=${actions.join() === body.actions.join()}
            onChange=${() => change({ actions })}
          />
          ${actions.join(" + ")}
        </label>`,
      )}
    </fieldset>
    <${Bounds} body=${body} change=${change} />`;
}
