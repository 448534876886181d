/** What a policy holds, in REST's words, with a link to the policy. */
import { html } from "../html.js";
import { policyLink } from "../route.js";
import { capitalized, sentence } from "../words/format.js";
import { Words } from "./Words.js";

/** `reason`: a count of reasons as REST has it, with its message. */
export function HeldBy({ reason: { policy, message } }) {
  const head = `held by policy ${policy}`;
  if (!policy || !message.startsWith(head)) return html`<${Words} text=${capitalized(sentence(message))} />`;
  return html`Held by <a href=${policyLink(policy)}>policy ${policy}</a><${Words} text=${sentence(message.slice(head.length))} />`;
}
