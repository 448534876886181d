/** Opens a cluster by its name, and completes names that a rollout knows. */
import { useEffect, useState } from "preact/hooks";
import { useServices } from "../data/services.js";
import { html } from "../html.js";
import { query } from "../rest/client.js";
import { clusterLink, go } from "../route.js";

const OFFERED = 12;
const TYPING_MS = 150;
const PREFIX = /^[a-z0-9][-a-z0-9.]*$/;

export function Search() {
  const [name, setName] = useState("");
  const wanted = name.trim().toLowerCase();
  const names = useNames(wanted);
  const submit = (event) => {
    event.preventDefault();
    if (wanted) go(clusterLink(wanted));
    setName("");
  };
  return html`<form class="search" role="search" onSubmit=${submit}>
    <input
      type="search"
      placeholder="Open a cluster…"
      aria-label="Open a cluster by name"
      list="names"
      autocomplete="off"
      value=${name}
      onInput=${(event) => setName(event.target.value)}
    />
    <datalist id="names">${names.map((each) => html`<option key=${each} value=${each} />`)}</datalist>
  </form>`;
}

/** Without an answer nothing is offered: a name that is typed whole opens its cluster as well. */
function useNames(/** @type {string} */ prefix) {
  const { rest } = useServices();
  const [names, setNames] = useState(/** @type {string[]} */ ([]));
  useEffect(() => {
    if (!PREFIX.test(prefix)) {
      setNames([]);
      return undefined;
    }
    const ending = new AbortController();
    const ask = () =>
      rest.get(`clusters${query({ prefix, limit: OFFERED })}`, ending.signal).then(
        ({ items }) => setNames(items),
        () => ending.signal.aborted || setNames([]),
      );
    const timer = setTimeout(ask, TYPING_MS);
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [rest, prefix]);
  return names;
}
