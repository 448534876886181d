/** What is to be rehearsed: one plan or two, and what is expected of its actions. */
import { html } from "../../html.js";
import { rehearseLink, rolloutLink } from "../../route.js";

export function Form({ rollout, actions, fields, change, busy, start, stop }) {
  const submit = (event) => {
    event.preventDefault();
    if (!busy) start();
  };
  return html`<form class="card rehearse" onSubmit=${submit}>
    ${
      rollout
        ? html`<p>
            The steps of <a href=${rolloutLink(rollout)}>${rollout.namespace}/${rollout.name}</a> that have
            not begun. <a href=${rehearseLink()}>Rehearse another plan</a>
          </p>`
        : html`<${Manifest}
            label="Plan: the manifest of an ImageBasedGroupUpgrade or a FleetUpdate"
            value=${fields.yaml}
            change=${(yaml) => change({ yaml })}
          />`
    }
    <details open=${fields.against !== ""}>
      <summary>Compare with a second plan</summary>
      <${Manifest}
        label="Second plan: its manifest"
        value=${fields.against}
        change=${(against) => change({ against })}
      />
    </details>
    <${Assumed} actions=${actions} assumed=${fields.assumed} change=${(assumed) => change({ assumed })} />
    <div class="fields">
      <${Field} label="Begins" type="datetime-local" name="begin" ...${{ fields, change }} />
      <${Field} label="Ends by label" type="text" name="by" placeholder="region" ...${{ fields, change }} />
      <${Field} label="Runs" type="number" name="runs" min="1" max="1000" required ...${{ fields, change }} />
      <${Field} label="Seed" type="number" name="seed" min="0" max="2147483647" required ...${{ fields, change }} />
      <${Field} label="Image, in GiB" type="number" name="gib" min="0" max="1000" step="any" ...${{ fields, change }} />
    </div>
    <p class="quiet">
      Clusters, policies and how long actions take are those of the hub now. Without a time it begins
      now. The size of the image counts for the load on the registry only.
    </p>
    <div class="buttons">
      <button class="primary" aria-disabled=${busy ? "true" : null}>${busy ? "Rehearsing…" : "Rehearse"}</button>
      ${busy && html`<button type="button" onClick=${stop}>Stop</button>`}
    </div>
  </form>`;
}

function Field({ label, name, fields, change, ...more }) {
  return html`<label>
    ${label}
    <input
      ...${more}
      spellcheck="false"
      value=${fields[name]}
      onInput=${(event) => change({ [name]: event.target.value })}
    />
  </label>`;
}

/** A text that is pasted, or comes from a file. */
function Manifest({ label, value, change }) {
  const open = async (event) => {
    const [file] = event.target.files;
    if (file) change(await file.text());
    event.target.value = "";
  };
  return html`<div class="fields">
    <label class="wide">
      ${label}
      <textarea
        rows="10"
        spellcheck="false"
        placeholder="apiVersion: lcm.openshift.io/v1alpha1"
        value=${value}
        onInput=${(event) => change(event.target.value)}
      />
    </label>
    <label class="file">
      or a file
      <input type="file" accept=".yaml,.yml,.json" onChange=${open} />
    </label>
  </div>`;
}

const EXPECTED = [
  ["failing", "fails, percent", "0", { max: 100 }],
  ["p50", "takes, minutes (p50)", "measured", { max: 10080 }],
  ["p95", "at most, minutes (p95)", "measured", { max: 10080 }],
];

/** Nobody knows how often a new image fails: say what you fear. */
function Assumed({ actions, assumed, change }) {
  if (!actions.length) return null;
  return html`<fieldset class="plans assumed">
    <legend>What you expect of its actions</legend>
    ${actions.map(
      (action) => html`<div class="fields" key=${action} role="group" aria-label=${action}>
        <strong>${action}</strong>
        ${EXPECTED.map(
          ([key, label, usual, bounds]) => html`<label key=${key}>
            ${label}
            <input
              type="number"
              min="0"
              step="any"
              ...${bounds}
              placeholder=${usual}
              value=${assumed[action]?.[key] ?? ""}
              onInput=${(event) =>
                change({ ...assumed, [action]: { ...assumed[action], [key]: event.target.value } })}
            />
          </label>`,
        )}
      </div>`,
    )}
  </fieldset>`;
}
