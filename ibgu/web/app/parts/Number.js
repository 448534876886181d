/** How many members are in a state; where `leads`, to those of the newest step. */
import { html } from "../html.js";
import { membersLink } from "../route.js";
import { count } from "../words/format.js";

export function Number({ rollout, state, number, leads = number > 0 }) {
  const words = `${count(number)} ${state}`;
  const tone = number ? TONES[state] : "quiet";
  if (!leads) return html`<span class=${tone}>${words}</span>`;
  return html`<a class=${tone} href=${membersLink(rollout, state)}>${words}</a>`;
}

const TONES = { failed: "bad", stalled: "worry" };