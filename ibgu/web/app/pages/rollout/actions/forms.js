/** What each change asks for: the body that it begins with, and the fields that change it. */
import { html } from "../../../html.js";

const none = { start: {}, Fields: () => null };

export const FORMS = {
  pause: none,
  resume: none,
  adopt: none,
  retry: {
    start: { clusters: null, cause: null },
    Fields: (props) => html`<${Chosen} what="failed" ...${props} />`,
  },
  skip: {
    start: { clusters: null, reason: null },
    Fields: (props) => html`<${Chosen} what="waiting" ...${props} />`,
  },
  abort: { start: { maxConcurrency: null, timeout: null }, Fields: Bounds },
};

/** All of them, or those that are named. */
function Chosen({ what, body, change }) {
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
      Names, with commas or spaces between; empty: all ${what} clusters${body.clusters === null && " (as it is now)"}.
    </p>
  </div>`;
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
