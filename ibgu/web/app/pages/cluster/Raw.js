/** What the journal has, as REST tells it: for the report to somebody else. */
import { useState } from "preact/hooks";
import { useBody } from "../../data/watch.js";
import { html } from "../../html.js";
import { Loading } from "../../parts/Notice.js";
import { clusterPath } from "../../rest/client.js";
import { Events } from "./Events.js";

export function Raw({ name, about }) {
  return html`<section class="card raws" aria-label="Raw">
    <${Fold} title="Its events in the journal"><${Events} name=${name} about=${about} /><//>
    <${Fold} title="The cluster as REST tells it"><${Json} path=${clusterPath(name)} /><//>
  </section>`;
}

/** What is not looked at is not asked for. */
function Fold({ title, children }) {
  const [open, setOpen] = useState(false);
  return html`<details onToggle=${(event) => setOpen(event.target.open)}>
    <summary>${title}</summary>
    ${open && children}
  </details>`;
}

function Json({ path }) {
  const { body, problem } = useBody(path);
  if (problem) return html`<p class="bad">${problem.message}</p>`;
  if (!body) return html`<${Loading} />`;
  return html`<pre tabindex="0">${JSON.stringify(body, null, 2)}</pre>`;
}
