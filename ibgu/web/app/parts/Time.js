/** Moments and spans; the title has the whole of it. */
import { html } from "../html.js";
import { between, clock, plural, span, utc } from "../words/format.js";

export function At({ stamp, now }) {
  if (!stamp) return html`<span class="none">–</span>`;
  return html`<time datetime=${stamp} title=${utc(stamp)}>${clock(stamp, now)}</time>`;
}

export function Ago({ stamp, now }) {
  if (!stamp) return html`<span class="none">–</span>`;
  const words = span(between(stamp, null, now));
  return html`<time datetime=${stamp} title=${`since ${utc(stamp)}`}>${words}</time>`;
}

/** Until when clusters can be rolled back; null: none can, or none tells. */
export function WayBack({ until, now }) {
  if (!until) return null;
  const left = between(new Date(now).toISOString(), until);
  const at = html`<${At} stamp=${until} now=${now} />`;
  const rest = left < 0 ? "passed" : `in ${span(left)}`;
  return html`<span class=${left < SOON ? "worry" : ""}>finalize or roll back by ${at} (${rest})</span>`;
}

const SOON = 3 * 86_400;

/** `eta` as REST has it: at, earliest, latest, basis; null: unknown. */
export function Ends({ eta, now }) {
  if (!eta) return null;
  const [from, to] = [eta.earliest, eta.latest].map((stamp) => stamp && clock(stamp, now));
  const limit = eta.limit && clock(eta.limit, now);
  const stuck = eta.stuck > 0 && `${plural(eta.stuck, "cluster")} stalled`;
  if (stuck && eta.at === eta.limit)
    return html`<span class="ends worry" title=${eta.basis ?? ""}>
      ${stuck}, all others done; ends at ${limit} at the latest
    </span>`;
  const range = from && to && from !== to && html` <span class="quiet">(${from}–${to})</span>`;
  return html`<span class="ends" title=${eta.basis ?? ""}>
    ends ~<${At} stamp=${eta.at} now=${now} />${range}${stuck && `, but ${stuck}: ${limit} at the latest`}
  </span>`;
}
