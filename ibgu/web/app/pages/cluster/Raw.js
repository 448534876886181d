/** What hub and journal have of it, as they have it: for who has to look closer, or to report it. */
import { useState } from "preact/hooks";
import { useAsOf } from "../../data/together.js";
import { useBody } from "../../data/watch.js";
import { html } from "../../html.js";
import { Empty, Loading } from "../../parts/Notice.js";
import { Words } from "../../parts/Words.js";
import { clusterPath } from "../../rest/client.js";
import { Events } from "./Events.js";
import { Works } from "./Works.js";

/** `shown`: the history as it is drawn, whose moment all of it has. */
export function Raw({ name, shown, concerns }) {
  return html`<section class="card raws" aria-label="Raw">
    <${Fold} title="Feedback: what the hub requests, and what the agent reports"><${Works} key=${name} name=${name} /><//>
    <${Fold} title="Its labels"><${Labels} key=${name} name=${name} /><//>
    <${Fold} title="Events in the journal">
      <${Events} name=${name} shown=${shown} concerns=${concerns} />
    <//>
    <${Fold} title="The cluster in the REST API"><${Json} path=${clusterPath(name)} moment=${shown.newestEvent} /><//>
  </section>`;
}

/** What is not shown is not asked for. */
function Fold({ title, children }) {
  const [open, setOpen] = useState(false);
  return html`<details onToggle=${(event) => setOpen(event.target.open)}>
    <summary>${title}</summary>
    ${open && children}
  </details>`;
}

function Labels({ name }) {
  const { body, problem } = useBody(clusterPath(name));
  if (problem) return html`<p class="bad"><${Words} text=${problem.message} /></p>`;
  if (!body) return html`<${Loading} />`;
  const labels = Object.entries(body.labels ?? {}).sort();
  if (!labels.length) return html`<${Empty}>No labels known.<//>`;
  return html`<ul class="labels-of">
    ${labels.map(([key, value]) => html`<li key=${key}><code>${key}=${value}</code></li>`)}
  </ul>`;
}

function Json({ path, moment }) {
  const { body: newest, problem } = useBody(path);
  const body = useAsOf(newest, moment);
  if (problem) return html`<p class="bad"><${Words} text=${problem.message} /></p>`;
  if (!body) return html`<${Loading} />`;
  return html`<pre tabindex="0">${JSON.stringify(body, null, 2)}</pre>`;
}
