/** What may be done to the rollout now; what may not says why. */
import { useState } from "preact/hooks";
import { useBody } from "../../../data/watch.js";
import { html } from "../../../html.js";
import { rolloutPath } from "../../../rest/client.js";
import { AppendStep } from "./AppendStep.js";
import { Change } from "./Change.js";
import { FORMS } from "./forms.js";
import { Preview } from "./Preview.js";

const LABELS = {
  pause: "Pause",
  resume: "Resume",
  retry: "Retry failed",
  skip: "Skip waiting",
  abort: "Abort failed",
  "append-step": "Add step",
  adopt: "Adopt",
};

/** `step`: the newest one, whose bounds are proposed for the next. */
export function Actions({ rollout, step }) {
  const { body, again } = useBody(rolloutPath(rollout, "/actions"), { gap: 2000 });
  const [open, setOpen] = useState("");
  const [why, setWhy] = useState("");
  if (!body) return null;
  const press = ({ name, allowed, why: words }) => {
    setWhy(allowed ? "" : `${LABELS[name] ?? name}: ${words}`);
    if (allowed) setOpen(name);
  };
  const close = () => {
    setOpen("");
    again();
  };
  const chosen = body.items.find(({ name }) => name === open);
  return html`<div class="actions">
    <div class="buttons" role="group" aria-label="Actions">
      ${body.items
        .filter(({ name }) => name in LABELS)
        .map((item) => html`<${Button} key=${item.name} item=${item} press=${press} />`)}
    </div>
    <p class="quiet" role="status">${why}</p>
    ${chosen && html`<${Opened} item=${chosen} rollout=${rollout} step=${step} onClose=${close} />`}
  </div>`;
}

function Button({ item, press }) {
  const { name, allowed, why } = item;
  return html`<button
    type="button"
    class=${name === "abort" ? "danger" : ""}
    aria-disabled=${allowed ? null : "true"}
    title=${allowed ? null : why}
    onClick=${() => press(item)}
  >
    ${LABELS[name]}
  </button>`;
}

/** As a step of the plan; bounds that are not given are ibgu's. */
const aborting = ({ maxConcurrency, timeout }) => ({
  actions: ["AbortOnFailure"],
  maxConcurrency,
  timeout,
});

function Opened({ item, rollout, step, onClose }) {
  if (item.name === "append-step")
    return html`<${AppendStep} plans=${item.plans} rollout=${rollout} step=${step} onClose=${onClose} />`;
  return html`<${Change}
    title=${`${LABELS[item.name]}: ${rollout.name}`}
    path=${rolloutPath(rollout, `/${item.name}`)}
    ...${FORMS[item.name]}
    danger=${item.name === "abort"}
    onClose=${onClose}
  >
    ${item.name === "abort" && ((body) => html`<${Preview} rollout=${rollout} step=${aborting(body)} />`)}
  <//>`;
}
