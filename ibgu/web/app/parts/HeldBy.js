/** What a policy holds, in REST's words, with a link to the policy. */
import { html } from "../html.js";
import { policyLink } from "../route.js";
import { capitalized, plural } from "../words/format.js";
import { Words } from "./Words.js";

/** `reason`: a count of reasons as REST has it, with its message. */
export function HeldBy({ reason: { policy, holder, message, alike, count } }) {
  const words = alike ? message : `${message} (similar for others)`;
  const wait = `${plural(count, "cluster")} ${count === 1 ? "waits" : "wait"} for`;
  if (!holder) return html`<${Words} text=${`${capitalized(words)}; ${wait} the end of a hold.`} />`;
  const name = policy ? html`<a href=${policyLink(policy)}>policy ${policy}</a>` : holder;
  return html`Held by ${name}: <${Words} text=${`${words}; ${wait} it.`} />`;
}
