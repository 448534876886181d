/** What became of the rollout as such: who changed it, from where, when; the newest first. */
import { useBody } from "../../data/watch.js";
import { html } from "../../html.js";
import { Words } from "../../parts/Words.js";
import { rolloutPath } from "../../rest/client.js";
import { moment, utc } from "../../words/format.js";

const SHOWN = 6;
const ASKED = 50;
const PREFLIGHT = "Preflight";
const ofRollout = (event) => !event.cluster;

export function Activity({ rollout, now }) {
  const path = rolloutPath(rollout, "/activity", { limit: ASKED });
  const { body } = useBody(path, { gap: 1000, concerns: ofRollout });
  if (!body?.items.length) return null;
  const items = folded(body.items);
  return html`<section class="card activity" aria-labelledby="activity">
    <h2 id="activity">Activity</h2>
    <${Entries} items=${items.slice(0, SHOWN)} now=${now} />
    ${
      items.length > SHOWN &&
      html`<details>
      <summary>${body.items.length === ASKED ? `The last ${ASKED}` : `All ${items.length}`}</summary>
      <${Entries} items=${items.slice(SHOWN)} now=${now} />
    </details>`
    }
  </section>`;
}

/** Of several preflights of a step, one after the other, the newest: while a step waits they would push out who paused it. */
function folded(items) {
  const found = [];
  for (const entry of items) {
    const last = found.at(-1);
    const same = last?.title === PREFLIGHT && entry.title === PREFLIGHT && last.step === entry.step;
    if (same) found[found.length - 1] = { ...last, earlier: last.earlier + 1 };
    else found.push({ ...entry, earlier: 0 });
  }
  return found;
}

function Entries({ items, now }) {
  return html`<ol class="told">
    ${items.map((entry) => html`<${Entry} key=${entry.seq} entry=${entry} now=${now} />`)}
  </ol>`;
}

function Entry({ entry: { at, title, text, step, warning, earlier, ...origin }, now }) {
  return html`<li>
    <time datetime=${at} title=${utc(at)}>${moment(at, now)}</time>
    <p>
      <strong class=${warning ? "worry" : null}>${title}${step && ` (step ${step})`}</strong>
      ${text && html`: <${Words} text=${text} />`}
      ${" "}<span class="quiet">${[by(origin), earlier && `and ${earlier} before`].filter(Boolean).join(", ")}</span>
    </p>
  </li>`;
}

const CLIENTS = {
  page: "on this page",
  cli: "with the ibgu command",
  rest: "by REST",
  "the hub": "directly on the hub",
};

function by({ who, via }) {
  const how = CLIENTS[via] ?? (via && `via ${via}`);
  return [who, how].filter(Boolean).join(", ");
}
