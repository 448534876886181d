/** What the journal has, as REST tells it: for the report to somebody else. */
import { useState } from "preact/hooks";
import { useBody } from "../../data/watch.js";
import { html } from "../../html.js";
import { Loading } from "../../parts/Notice.js";
import { clusterPath } from "../../rest/client.js";

export function Raw({ name }) {
  const [open, setOpen] = useState(false);
  return html`<section class="card raws" aria-label="Raw">
    <details onToggle=${(event) => setOpen(event.target.open)}>
      <summary>The cluster as REST tells it</summary>
      ${open && html`<${Json} path=${clusterPath(name)} />`}
    </details>
  </section>`;
}

function Json({ path }) {
  const { body, problem } = useBody(path);
  if (problem) return html`<p class="bad">${problem.message}</p>`;
  if (!body) return html`<${Loading} />`;
  return html`<pre tabindex="0">${JSON.stringify(body, null, 2)}</pre>`;
}
