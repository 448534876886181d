/** All rollouts that the caller may see, the newest first; above them what needs a person. */
import { useEffect, useState } from "preact/hooks";
import { atRest, overdueIn } from "../data/view.js";
import { useBody, useNow } from "../data/watch.js";
import { html } from "../html.js";
import { Bar, doneShare, ended } from "../parts/Bar.js";
import { Empty, Missing, Stale } from "../parts/Notice.js";
import { Number } from "../parts/Number.js";
import { Phase } from "../parts/Phase.js";
import { Ago, At, Ends, WayBack } from "../parts/Time.js";
import { plain, Words } from "../parts/Words.js";
import { query } from "../rest/client.js";
import { go, MEMBERS, rolloutLink } from "../route.js";
import { count, creator, plural } from "../words/format.js";
import { OVERDUE, ROLLBACK, spaced, STALLED } from "../words/states.js";
import { reasonName, whomOf } from "../words/why.js";

export function Rollouts() {
  const watched = useBody("rollouts?limit=50&needsPerson=true", { gap: 2000 });
  const now = useNow();
  useEffect(() => {
    document.title = "Rollouts · ibgu";
  }, []);
  if (!watched.body) return html`<${Missing} watched=${watched} />`;
  const { items, needsPerson, rollbackDeadlines, nextCursor } = watched.body;
  return html`<h1>Rollouts</h1>
    <${Stale} watched=${watched} />
    <${NeedsPerson} needs=${needsPerson} deadlines=${rollbackDeadlines} now=${now} />
    ${items.length === 0 && html`<${NoRollouts} />`}
    <ul class="rollouts">
      ${items.map((each) => html`<${Row} key=${each.uid} rollout=${each} now=${now} />`)}
    </ul>
    ${nextCursor && html`<${Older} cursor=${nextCursor} now=${now} />`}`;
}

function NoRollouts() {
  return html`<${Empty}>
    No rollouts, or none that you may see. To start one, apply an ImageBasedGroupUpgrade or a
    FleetUpdate to the hub.
  <//>`;
}

function NeedsPerson({ needs, deadlines, now }) {
  if (!needs?.length && !deadlines?.length) return null;
  return html`<section class="notice warn" aria-label="Needs action">
    <h2>Needs action</h2>
    <ul>
      ${needs.map(
        (each) => html`<li key=${[each.namespace, each.name, each.kind, each.message].join("/")}>
          <a href=${rolloutLink(each, each.members ? { reason: each.kind, show: MEMBERS } : {})}>${each.name}</a>
          <strong> ${reasonName(each)}${each.overdue && `, ${OVERDUE}`}</strong>${each.members > 0 && ` (${plural(each.members, "cluster")})`}, for <${Ago} stamp=${each.since} now=${now} />:
          ${" "}<${Words} text=${each.message} />
        </li>`,
      )}
      ${deadlines.map(
        (each) => html`<li key=${[each.namespace, each.name, ROLLBACK].join("/")}>
          <a href=${rolloutLink(each)}>${each.name}</a>
          <strong> rollback deadline</strong> (${plural(each.clusters, "cluster")}): <${WayBack} until=${each.until} now=${now} />
        </li>`,
      )}
    </ul>
  </section>`;
}

function Row({ rollout, now }) {
  const { counts, current, plan, release, phase } = rollout;
  const action = current ? current.actions.join(" + ") : "not started";
  const place = current ? placeOf(current, plan) : plural(plan.length, "step");
  const done = current && `${doneShare(counts)} of ${plural(counts.total, "cluster")} done`;
  const overdue = overdueIn(current);
  const link = rolloutLink(rollout);
  const press = (event) => event.target.closest("a") ?? go(link);
  return html`<li class="card rollout" onClick=${press}>
    <span class="name">
      <a href=${link} aria-label=${[rollout.name, phase, action, done].filter(Boolean).join(", ")}><strong>${rollout.name}</strong></a>
      <span class="quiet">${rollout.namespace} · → ${release.version || "no version"}</span>
      ${rollout.createdBy && html`<span class="quiet who-made">${creator(rollout.createdBy)}</span>`}
    </span>
    <span class="doing"><span>${action}</span><span class="quiet">${place}</span></span>
    <span class="done"><${Bar} counts=${counts} />${done && html`<span class="quiet">${done}</span>`}</span>
    <span class="troubles">
      <${Number} rollout=${rollout} state="failed" number=${counts.failed} leads=${counts.failed > 0 && current?.counts.failed === counts.failed} />
      <${Number} rollout=${rollout} state=${STALLED} number=${rollout.stalled} />
      ${overdue > 0 && html`<${Number} rollout=${rollout} state=${OVERDUE} number=${overdue} />`}
    </span>
    <span class="when"><${When} rollout=${rollout} now=${now} /><${WayBack} until=${rollout.rollback?.until} now=${now} /></span>
    <${Phase} rollout=${rollout} />
  </li>`;
}

const placeOf = ({ step, counts }, plan) =>
  `step ${step} of ${plan.length}: ${count(ended(counts))} of ${count(counts.total)} ended`;

function When({ rollout, now }) {
  if (rollout.brokenGlass.length) return html`<span class="bad">Break glass</span>`;
  if (rollout.hold) return html`<${Waits} ...${rollout.hold} now=${now} />`;
  if (rollout.waitsFor.length) return html`<${WaitsFor} reasons=${rollout.waitsFor} now=${now} />`;
  if (atRest(rollout.current?.counts)) return html`<span class="quiet">starts the next clusters</span>`;
  if (rollout.eta) return html`<${Ends} eta=${rollout.eta} now=${now} />`;
  if (rollout.completedAt)
    return html`<span class="quiet">ended <${At} stamp=${rollout.completedAt} now=${now} /></span>`;
  const since = rollout.startedAt ?? rollout.createdAt;
  return html`<span class="quiet">since <${At} stamp=${since} now=${now} /></span>`;
}

/** Why nothing moves. */
function WaitsFor({ reasons, now }) {
  const more = reasons.length - REASONS;
  return html`${reasons
      .slice(0, REASONS)
      .map((each) => html`<${Waits} key=${[each.kind, each.who, each.policy].join("/")} ...${each} now=${now} />`)}
    ${more > 0 && html`<span class="quiet">and ${plural(more, "more reason")}</span>`}`;
}

const REASONS = 2;

/** `count`: of how many clusters it is the reason, if it is not that of all. */
function Waits({ kind, who, until, policy, approval, message, count: number, now }) {
  const what = policy ? `${approval ? "approval for " : ""}policy ${policy}` : spaced(kind);
  return html`<span class="waits ${who === "person" ? "worry" : ""}" title=${message ? plain(message) : null}>
    ${what}${number > 0 && ` (${plural(number, "cluster")})`}${until && html` until <${At} stamp=${until} now=${now} />`},
    ${" "}${whomOf({ who })}
  </span>`;
}

/** A further page, once somebody asks for it. */
function Older({ cursor, now }) {
  const [open, setOpen] = useState(false);
  const watched = useBody(open ? `rollouts${query({ limit: 50, cursor })}` : null, { gap: 5000 });
  if (!open) return html`<button type="button" onClick=${() => setOpen(true)}>Older rollouts</button>`;
  if (!watched.body) return html`<${Missing} watched=${watched} />`;
  const { items, nextCursor } = watched.body;
  return html`<ul class="rollouts">
      ${items.map((each) => html`<${Row} key=${each.uid} rollout=${each} now=${now} />`)}
    </ul>
    ${nextCursor && html`<${Older} cursor=${nextCursor} now=${now} />`}`;
}
