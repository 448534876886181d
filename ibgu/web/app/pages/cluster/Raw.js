/** What the journal has, as REST tells it: for the report to somebody else. */
import { useState } from "preact/hooks";
import { html } from "../../html.js";

export function Raw({ visit }) {
  return html`<section class="card raws" aria-label="Raw">
    <${Opened} summary="The newest of it, as REST tells it" show=${() => html`<${Json} body=${visit.member} />`} />
  </section>`;
}

function Opened({ summary, show }) {
  const [open, setOpen] = useState(false);
  return html`<details onToggle=${(event) => setOpen(event.target.open)}>
    <summary>${summary}</summary>
    ${open && show()}
  </details>`;
}

function Json({ body }) {
  return html`<pre tabindex="0">${JSON.stringify(body, null, 2)}</pre>`;
}
