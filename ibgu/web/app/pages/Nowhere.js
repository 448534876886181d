/** A link that leads nowhere says so, instead of showing something else. */
import { useEffect } from "preact/hooks";
import { html } from "../html.js";

export function Nowhere() {
  useEffect(() => {
    document.title = "Not found · ibgu";
  }, []);
  return html`<section class="card missing" role="alert">
    <h1>No such page</h1>
    <p>This link leads nowhere: check that it is complete.</p>
    <p class="quiet"><a href="#/">All rollouts</a></p>
  </section>`;
}
