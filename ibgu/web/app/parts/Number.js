/** How many members are in a state, in other `words` if given; where `leads`, to those of the newest step. */
import { html } from "../html.js";
import { membersLink } from "../route.js";
import { count } from "../words/format.js";
import { markTitle } from "../words/states.js";

export function Number({
  rollout,
  state,
  number,
  label,
  leads = number > 0,
  words = `${count(number)} ${state}`,
}) {
  const tone = number ? TONES[state] : "quiet";
  const title = markTitle(state);
  if (!leads) return html`<span class=${tone} title=${title}>${words}</span>`;
  return html`<a class=${tone} href=${membersLink(rollout, state, label)} title=${title}>${words}</a>`;
}

const TONES = { failed: "bad", stalled: "worry", overdue: "worry" };