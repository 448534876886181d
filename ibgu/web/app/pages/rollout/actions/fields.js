/** The fields of the forms: which clusters, which actions, within which bounds. */
import { html } from "../../../html.js";
import { REVERSIBLE, dangerOf } from "../../../words/actions.js";
import { capitalized } from "../../../words/format.js";

export const Nothing = () => null;

export function Pause({ body, change }) {
  return html`<div class="fields">
    <label class="wide">
      Why (everyone sees it)
      <input
        type="text"
        maxlength="200"
        placeholder="optional"
        value=${body.why}
        onInput=${(event) => change({ why: event.target.value.trimStart() })}
      />
    </label>
  </div>`;
}

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
      Names, separated by commas or spaces. Leave empty for all ${what} clusters.
    </p>
  </div>`;
}

/** Names or labels of clusters, and the bounds of the step that takes them. */
export function Chosen({ what, body, change }) {
  return html`<${Clusters} what=${what} change=${change} />
    <div class="fields">
      <label class="wide">
        Only clusters with these labels
        <input
          type="text"
          spellcheck="false"
          placeholder="region=north,ring in (1,2)"
          value=${body.label}
          onInput=${(event) => change({ label: event.target.value.trim() })}
        />
      </label>
    </div>
    <${Bounds} body=${body} change=${change} />`;
}

/** What of the step is approved, with a comment, and for how long. */
export function Approval({ approvals, body, change }) {
  return html`<fieldset class="plans">
      <legend>What you approve</legend>
      ${approvals.map(
        ({ step, before, what, danger }) => html`<label key=${`${step}/${before}`} class=${danger}>
          <input
            type="radio"
            name="before"
            checked=${body.step === step && body.before === before}
            onChange=${() => change({ step, before })}
          />
          ${capitalized(what)}${danger !== REVERSIBLE && html` <small>can't be undone</small>`}
        </label>`,
      )}
    </fieldset>
    <div class="fields">
      <label class="wide">
        Comment (recorded with your name)
        <input
          type="text"
          maxlength="512"
          value=${body.comment}
          onInput=${(event) => change({ comment: event.target.value.trimStart() })}
        />
      </label>
      <label>
        Valid for minutes
        <input
          type="number"
          min="1"
          max="10080"
          step="1"
          placeholder="no end"
          value=${body.minutes ?? ""}
          onInput=${(event) => change({ minutes: event.target.value ? Number(event.target.value) : null })}
        />
      </label>
    </div>`;
}

const CANCELLED = {
  all: "All clusters that are not upgraded",
  waiting: "Only waiting clusters",
  failed: "Only failed clusters",
};

export function Which({ body, change }) {
  return html`<fieldset class="plans">
      <legend>Clusters to return to Idle</legend>
      ${Object.entries(CANCELLED).map(
        ([which, words]) => html`<label key=${which} class="destructive">
          <input
            type="radio"
            name="which"
            checked=${body.which === which}
            onChange=${() => change({ which })}
          />
          ${words}
        </label>`,
      )}
    </fieldset>
    <${Chosen} what=${body.which === "all" ? "unfinished" : body.which} body=${body} change=${change} />`;
}

export function RollBack({ body, change }) {
  return html`<${Chosen} what="upgraded" body=${body} change=${change} />
    <${Check} checked=${body.finalize} set=${(finalize) => change({ finalize })}>
      Finalize the rollback immediately: this deletes the logs of the new release
    <//>
    <${Check} checked=${body.failed} set=${(failed) => change({ failed })}>
      Only clusters whose Upgrade failed on the new release
    <//>`;
}

export function Retry({ body, change }) {
  return html`<${Clusters} what="failed" change=${change} />
    <${AbortFirst} body=${body} change=${change} />
    <${Bounds} body=${body} change=${change} />`;
}

export function AbortFirst({ body, change }) {
  return html`<${Check} checked=${body.abortFirst} set=${(abortFirst) => change({ abortFirst })}>
    First abort clusters whose Prep or Upgrade failed
  <//>`;
}

function Check({ checked, set, children }) {
  return html`<label class="check">
    <input type="checkbox" checked=${checked} onChange=${(event) => set(event.target.checked)} />
    ${children}
  </label>`;
}

const AGAIN = ["Abort", "AbortOnFailure", "FinalizeUpgrade", "FinalizeRollback"];

/** What a person states about clusters that could not clean up. */
export function Cleanup({ body, change }) {
  return html`<div class="fields">
      <label class="wide">
        What you cleaned up (recorded with your name)
        <input
          type="text"
          maxlength="200"
          value=${body.reason}
          onInput=${(event) => change({ reason: event.target.value.trimStart() })}
        />
      </label>
      <label>
        Action to repeat
        <select onChange=${(event) => change({ action: event.target.value || null })}>
          <option value="">The failed action</option>
          ${AGAIN.map((action) => html`<option key=${action} value=${action}>${action}</option>`)}
        </select>
      </label>
    </div>
    <${Chosen} what="cleaned" body=${body} change=${change} />`;
}

/** The steps of which one may come next; none of them is chosen for anybody. */
export function Plans({ plans, dangers, kind, after, body, change }) {
  const offered = new Set(plans.flat());
  const others = Object.keys(dangers).filter((action) => !offered.has(action));
  return html`<fieldset class="plans">
      <legend>Actions of the step</legend>
      ${plans.map(
        (actions) => html`<${Plan}
          key=${actions.join()}
          actions=${actions}
          danger=${dangerOf(actions, dangers)}
          checked=${actions.join() === body.actions.join()}
          choose=${() => change({ actions })}
        />`,
      )}
    </fieldset>
    ${
      others.length > 0 &&
      html`<p class="quiet">
      The rules for plans allow no ${others.join(", ")} after ${after}.${" "}
      ${kind === "ImageBasedGroupUpgrade" && "Cancel… and Roll back… begin a rollout of their own."}
    </p>`
    }
    <${Bounds} body=${body} change=${change} />`;
}

function Plan({ actions, danger, checked, choose }) {
  return html`<label class=${danger}>
    <input type="radio" name="plan" checked=${checked} onChange=${choose} />
    ${actions.join(" + ")}${danger !== REVERSIBLE && html` <small>can't be undone</small>`}
  </label>`;
}

/** Slots and minutes; empty: as ibgu proposes. */
export function Bounds({ body, change }) {
  return html`<div class="fields">
    <${Whole} label="Clusters at a time (slots)" value=${body.maxConcurrency} set=${(maxConcurrency) => change({ maxConcurrency })} />
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
