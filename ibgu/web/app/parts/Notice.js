/** What is wrong, or missing, in the place where something else should be. */
import { html } from "../html.js";
import { clockWithSeconds, sentence } from "../words/format.js";
import { USELESS } from "../data/watch.js";
import { Words } from "./Words.js";

/** Above data that is older than it looks. */
export function Stale({ watched }) {
  const { problem, at, body, unanswered } = watched;
  if (!problem && unanswered && body) return html`<p class="notice warn" role="status"><${Unanswered} since=${unanswered} /> Showing the state at ${clockWithSeconds(at)}.</p>`;
  if (!problem) return null;
  const since = body && at ? `Showing the state at ${clockWithSeconds(at)}. ` : "";
  return html`<p class="notice bad" role="alert">
    <strong><${Words} text=${sentence(problem.message)} /></strong> ${since}${problem.status === USELESS ? "" : "The page retries every few seconds."}
  </p>`;
}

export const Empty = ({ children }) => html`<p class="empty">${children}</p>`;

export const Loading = () => html`<p class="empty" aria-busy="true">Loading…</p>`;

export const Unanswered = ({ since }) => html`<strong>ibgu has not answered since ${clockWithSeconds(since)}.</strong>`;

/** In place of a page whose body never came. */
export function Missing({ watched }) {
  const { problem, unanswered } = watched;
  if (!problem && unanswered) return html`<p class="empty" aria-busy="true" role="status"><${Unanswered} since=${unanswered} /> The page waits.</p>`;
  if (!problem) return html`<${Loading} />`;
  const [title, advice] = WHY[problem.status] ?? [
    "This page can't be shown",
    "The page retries every few seconds.",
  ];
  return html`<section class="card missing" role="alert">
    <h1>${title}</h1>
    <p><${Words} text=${sentence(problem.message)} /></p>
    <p class="quiet">${advice} <a href="#/">All rollouts</a></p>
  </section>`;
}

const WHY = {
  0: [
    "No answer from ibgu",
    "Check the API process and the network. The page retries every few seconds.",
  ],
  403: [
    "You don't have access",
    "Ask an administrator of the hub for the right named above.",
  ],
  422: ["Invalid address", "Check that the address is complete."],
  404: ["Not found", "Check the name and the namespace."],
  503: ["ibgu is not ready", "The page retries every few seconds."],
};
