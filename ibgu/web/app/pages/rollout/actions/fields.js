/** The fields of the forms: which clusters, which actions, within which bounds. */
import { html } from "../../../html.js";
import { REVERSIBLE, riskOf } from "../../../words/actions.js";

export const Nothing = () => null;

/** All of them, or those that are named. */
export function Clusters({ what, change }) {
  const read = (event) => {
    const names = event.target.value.split(/[\s,]+/).filter(Boolean);
    change({ clusters: names.length ? names : null });
  };
  return html`<div class="fields">
    <label class="wide">
      Only these clusters
      <textarea
        placeholder=${`all ${what} ones`}
        spellcheck="false"
        onInput=${read}
        aria-describedby="chosen-help"
      />
    </label>
    <p id="chosen-help" class="quiet">
      Names, with commas or spaces between. Leave it empty for all ${what} clusters.
    </p>
  </div>`;
}

/** The steps of which one may come next; none of them is chosen for anybody. */
export function Plans({ plans, risks, body, change }) {
  return html`<fieldset class="plans">
      <legend>What the step does</legend>
      ${plans.map(
        (actions) => html`<${Plan}
          key=${actions.join()}
          actions=${actions}
          risk=${riskOf(actions, risks)}
          checked=${actions.join() === body.actions.join()}
          choose=${() => change({ actions })}
        />`,
      )}
    </fieldset>
    <${Bounds} body=${body} change=${change} />`;
}

function Plan({ actions, risk: { danger }, checked, choose }) {
  return html`<label class=${danger}>
    <input type="radio" name="plan" checked=${checked} onChange=${choose} />
    ${actions.join(" + ")}${danger !== REVERSIBLE && html` <small>can't be undone</small>`}
  </label>`;
}

/** Slots and minutes; empty: as ibgu proposes. */
export function Bounds({ body, change }) {
  return html`<div class="fields">
    <${Whole} label="At a time (slots)" value=${body.maxConcurrency} set=${(maxConcurrency) => change({ maxConcurrency })} />
    <${Whole} label="Timeout in minutes" value=${body.timeout} set=${(timeout) => change({ timeout })} />
  </div>`;
}

function Whole({ label, value, set }) {
  const read = (event) => set(event.target.value ? Number(event.target.value) : null);
  return html`<label>
    ${label}
    <input type="number" min="1" step="1" placeholder="as proposed" value=${value ?? ""} onInput=${read} />
  </label>`;
}
