/** A cluster's events over all rollouts, newest first, with the words of the journal. */
import { useState } from "preact/hooks";
import { useServices } from "../../data/services.js";
import { useBody } from "../../data/watch.js";
import { html } from "../../html.js";
import { Empty, Loading } from "../../parts/Notice.js";
import { clusterPath, query } from "../../rest/client.js";
import { clockWithSeconds, utc } from "../../words/format.js";

const PAGE = 50;
const pathOf = (name, cursor) => clusterPath(name, `/events${query({ limit: PAGE, cursor })}`);

export function Events({ name, about }) {
  const { body, problem } = useBody(pathOf(name), { about, gap: 2000 });
  if (problem) return html`<p class="bad">${problem.message}</p>`;
  if (!body) return html`<${Loading} />`;
  if (!body.items.length) return html`<${Empty}>The journal has none (any more).<//>`;
  return html`<${Table} items=${body.items} />
    ${body.nextCursor && html`<${Older} key=${body.nextCursor} name=${name} cursor=${body.nextCursor} />`}`;
}

function Table({ items }) {
  return html`<div class="scroll" tabindex="0" role="group" aria-label="Events">
    <table class="events">
      <thead>
        <tr>
          <th scope="col">Number</th>
          <th scope="col">At</th>
          <th scope="col">Event</th>
          <th scope="col">Step</th>
          <th scope="col">Why</th>
          <th scope="col">Data</th>
        </tr>
      </thead>
      <tbody>
        ${items.map((event) => html`<${Row} key=${event.seq} event=${event} />`)}
      </tbody>
    </table>
  </div>`;
}

function Row({ event: { seq, at, kind, step, why, actor, warning, data } }) {
  return html`<tr>
    <td>${seq}</td>
    <td><time datetime=${at} title=${utc(at)}>${clockWithSeconds(at)}</time></td>
    <td class=${warning ? "bad" : null}>${kind}</td>
    <td>${step}</td>
    <td>${why}${actor && html` <span class="quiet">by ${actor}</span>`}</td>
    <td><code>${JSON.stringify(data)}</code></td>
  </tr>`;
}

/** Pages that nobody has to watch: asked for once. */
function Older({ name, cursor }) {
  const { rest } = useServices();
  const [page, setPage] = useState(null);
  const more = async () => setPage(await rest.get(pathOf(name, cursor)));
  if (!page) return html`<button type="button" onClick=${more}>Older events</button>`;
  return html`<${Table} items=${page.items} />
    ${page.nextCursor && html`<${Older} key=${page.nextCursor} name=${name} cursor=${page.nextCursor} />`}`;
}
