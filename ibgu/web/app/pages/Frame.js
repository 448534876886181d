/** What is around every page: where one is, the search, the theme. */
import { useEffect, useState } from "preact/hooks";
import { useServices } from "../data/services.js";
import { useBody } from "../data/watch.js";
import { html } from "../html.js";
import { policyLink, seedLink } from "../route.js";
import { chooseTheme, chosenTheme, THEMES } from "../theme.js";
import { Flapping, Leader, useLeadership } from "./Leader.js";
import { Search } from "./Search.js";

export function Frame({ signOut, children }) {
  const leadership = useLeadership();
  return html`<a class="skip" href="#main" onClick=${toMain}>Skip to content</a>
    <header class="top">
      <a class="brand" href="#/">ibgu</a>
      <nav aria-label="Pages"><a href="#/">Rollouts</a> <a href=${policyLink()}>Policies</a> <a href=${seedLink()}>Seed images</a></nav>
      <${Search} />
      <${Leader} leadership=${leadership} />
      <${Freshness} />
      <${Who} />
      <${Theme} />
      ${signOut && html`<button type="button" class="small" onClick=${signOut}>Sign out</button>`}
    </header>
    <main id="main" tabindex="-1"><${Flapping} leadership=${leadership} />${children}</main>`;
}

/** The address' hash is ours, so the browser can't follow it itself. */
function toMain(event) {
  event.preventDefault();
  document.getElementById("main").focus();
}

const MINUTE_MS = 60_000;

/** Two hubs' pages look alike: who acts here must know on which one. */
function Who() {
  const { body } = useBody("whoami", { gap: MINUTE_MS, concerns: () => false });
  if (!body) return null;
  const title = `UID of the hub (its namespace kube-system): ${body.hub}`;
  return html`<span class="who" title=${title}>${body.username} <span class="quiet">on hub ${body.hub.slice(0, 8)}</span></span>`;
}

function Freshness() {
  const { live } = useServices();
  const [connected, setConnected] = useState(live.connected);
  useEffect(() => {
    setConnected(live.connected);
    return live.listen(() => setConnected(live.connected));
  }, [live]);
  const [word, title] = connected
    ? ["live", "Events arrive as they happen"]
    : ["polling", "No stream of events: the page refreshes every 2 seconds"];
  return html`<span class="freshness ${word}" title=${title}>${word}</span>`;
}

function Theme() {
  const [theme, setTheme] = useState(chosenTheme());
  const choose = (event) => {
    chooseTheme(event.target.value);
    setTheme(event.target.value);
  };
  return html`<select class="small" aria-label="Theme" value=${theme} onChange=${choose}>
    ${THEMES.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
  </select>`;
}
