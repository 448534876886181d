/** A cluster's events over all rollouts, newest first, as sentences of the journal. */
import { useState } from "preact/hooks";
import { useServices } from "../../data/services.js";
import { useBody, useNow } from "../../data/watch.js";
import { html } from "../../html.js";
import { Empty, Loading } from "../../parts/Notice.js";
import { Words } from "../../parts/Words.js";
import { clusterPath, query } from "../../rest/client.js";
import { rolloutLink } from "../../route.js";
import { capitalized, clock, clockWithSeconds, utc } from "../../words/format.js";
import { spaced } from "../../words/states.js";

const PAGE = 50;
const DAY_MS = 86_400_000;
const pathOf = (name, cursor) => clusterPath(name, `/events${query({ limit: PAGE, cursor })}`);

const rolloutsOf = ({ items }) => new Map(items.map(({ rollout }) => [rollout.uid, rollout]));

/** `shown`: the history as it is drawn: it names rollouts, and later events wait for it. */
export function Events({ name, shown, concerns }) {
  const { body, problem } = useBody(pathOf(name), { concerns });
  if (problem) return html`<p class="bad"><${Words} text=${problem.message} /></p>`;
  if (!body) return html`<${Loading} />`;
  if (!body.items.length) return html`<${Empty}>No events in the journal.<//>`;
  const rollouts = rolloutsOf(shown);
  const items = body.items.filter(({ seq }) => seq <= shown.newestEvent);
  return html`<${List} items=${items} rollouts=${rollouts} />
    ${
      body.nextCursor &&
      html`<${Older} key=${body.nextCursor} name=${name} cursor=${body.nextCursor} rollouts=${rollouts} />`
    }`;
}

function List({ items, rollouts }) {
  const now = useNow(60_000);
  return html`<ol class="told" aria-label="Events">
    ${items.map(
      (event) =>
        html`<${Event} key=${event.seq} event=${event} rollout=${rollouts.get(event.rollout)} now=${now} />`,
    )}
  </ol>`;
}

function Event({ event, rollout, now }) {
  const { at, kind, step, why, cause, actor, warning } = event;
  const near = now - Date.parse(at) < DAY_MS / 2;
  return html`<li>
    <time datetime=${at} title=${utc(at)}>${near ? clockWithSeconds(at) : clock(at, now)}</time>
    <div>
      <p>
        <strong class=${warning || cause ? "bad" : null}>${sentence(event)}</strong>
        ${why && html` <${Words} text=${why} />`}
        ${actor && html` <span class="quiet">${actor}</span>`}
      </p>
      ${
        rollout &&
        html`<p class="quiet">
        <a href=${rolloutLink({ ...rollout, exact: true }, { step })}>${rollout.name}</a>${step && `, step ${step}`} · ${kind}
      </p>`
      }
    </div>
  </li>`;
}

/** "Run ended: Upgrade failed (attempt 2)", with what the data tell of the run. */
function sentence({ kind, cause, data }) {
  const { action, attempt, result, outcome } = data;
  const head = spaced(kind);
  const doing = [action, result ?? outcome].filter(Boolean).join(" ");
  const causing = cause && spaced(cause) !== doing.toLowerCase() ? spaced(cause) : "";
  const told = [doing, causing].filter(Boolean).join(", ");
  const again = attempt > 1 ? ` (attempt ${attempt})` : "";
  return `${capitalized(head)}${told && `: ${told}`}${again}.`;
}

/** Pages that do not change: asked for once. */
function Older({ name, cursor, rollouts }) {
  const { rest } = useServices();
  const [page, setPage] = useState(null);
  const more = async () => setPage(await rest.get(pathOf(name, cursor)));
  if (!page) return html`<button type="button" onClick=${more}>Older events</button>`;
  return html`<${List} items=${page.items} rollouts=${rollouts} />
    ${
      page.nextCursor &&
      html`<${Older} key=${page.nextCursor} name=${name} cursor=${page.nextCursor} rollouts=${rollouts} />`
    }`;
}
