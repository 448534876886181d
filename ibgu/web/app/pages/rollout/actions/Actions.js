/** What may be done to the rollout now; what may not says why. The mildest comes first. */
import { useState } from "preact/hooks";
import { useBody } from "../../../data/watch.js";
import { html } from "../../../html.js";
import { plain, Words } from "../../../parts/Words.js";
import { rolloutPath } from "../../../rest/client.js";
import { LABELS, titleOf } from "../../../words/actions.js";
import { Change } from "./Change.js";
import { changeOf } from "./changes.js";

/** `step`: the newest one, whose bounds are proposed for the next. */
export function Actions({ rollout, step }) {
  const { body, again } = useBody(rolloutPath(rollout, "/actions"), { gap: 2000 });
  const [open, setOpen] = useState("");
  const [why, setWhy] = useState("");
  if (!body) return null;
  const press = ({ name, allowed, why: words }) => {
    setWhy(allowed ? "" : `${titleOf(name)}: ${words}`);
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
        .filter((item) => item.name in LABELS && (RARE[item.name]?.(item, rollout) ?? true))
        .map((item) => html`<${Button} key=${item.name} item=${item} press=${press} />`)}
    </div>
    <p class="quiet" role="status"><${Words} text=${why} /></p>
    ${
      chosen &&
      html`<${Change}
      key=${`${rollout.uid}/${open}`}
      change=${changeOf(chosen, { rollout, step, dangers: body.dangers })}
      rollout=${rollout}
      onClose=${close}
    />`
    }
  </div>`;
}

/** When a change is shown that few rollouts ever need. */
const RARE = {
  approve: ({ approvals }) => approvals.length > 0,
  adopt: (_, rollout) => rollout.hold?.kind === "UnfinishedGroupUpgrades",
  "confirm-cleanup": ({ allowed }) => allowed,
};

function Button({ item, press }) {
  const { name, allowed, why, danger } = item;
  return html`<button
    type="button"
    class=${danger}
    aria-disabled=${allowed ? null : "true"}
    title=${allowed ? null : plain(why)}
    onClick=${() => press(item)}
  >
    ${LABELS[name]}
  </button>`;
}
