/** One rollout: where it stands, why it is not further, and every cluster of one of its steps. */
import { useEffect, useMemo } from "preact/hooks";
import { filterOf, matchingOf, queryOf } from "../../data/filter.js";
import { orderOf } from "../../data/order.js";
import { useBody, useNow } from "../../data/watch.js";
import { html } from "../../html.js";
import { Empty, Missing, Stale } from "../../parts/Notice.js";
import { query, rolloutPath } from "../../rest/client.js";
import { go, MEMBERS, rolloutLink } from "../../route.js";
import { Clusters } from "./Clusters.js";
import { useLabelled } from "./labelled.js";
import { Course } from "./Course.js";
import { Failures } from "./Failures.js";
import { Headline } from "./Headline.js";
import { Members } from "./Members.js";
import { Steps } from "./Steps.js";
import { Why } from "./Why.js";

export function Rollout({ route }) {
  const [namespace, name] = route.path;
  const of = useMemo(() => ({ namespace, name }), [namespace, name]);
  const watched = useBody(rolloutPath(of));
  const steps = useBody(rolloutPath(of, "/steps"));
  const now = useNow();
  useEffect(() => {
    document.title = `${name} · ibgu`;
  }, [name]);
  if (!watched.body || !steps.body)
    return html`<${Missing} watched=${watched.problem ? watched : steps} />`;
  const rollout = watched.body;
  const current = rollout.current?.step ?? 1;
  const number = Number(route.query.step) || current;
  const choose = (step) => go(rolloutLink(of, step === current ? {} : { step }));
  const found = (wanted) => steps.body.items.find((each) => each.step === wanted);
  return html`<${Headline} rollout=${rollout} step=${rollout.current && found(current)} now=${now} />
    <${Stale} watched=${watched} />
    <${Steps} steps=${steps.body.items} chosen=${number} choose=${choose} now=${now} />
    <${Step} key=${number} of=${of} step=${found(number)} route=${route} now=${now} told=${watched.problem !== null} />`;
}

function Step({ of, step, route, now, told }) {
  if (!step) return html`<${Empty}>There is no such step in the plan.<//>`;
  if (step.state === "planned")
    return html`<${Empty}>This step has not begun: its clusters are chosen when it does.<//>`;
  return html`<${Begun} of=${of} step=${step} route=${route} now=${now} told=${told} />`;
}

/** `told`: that ibgu does not answer is said above already. */
function Begun({ of, step: { step, counts }, route, now, told }) {
  const grid = useBody(rolloutPath(of, `/grid${query({ step })}`));
  const failures = useBody(rolloutPath(of, `/failures${query({ step })}`), { gap: 2000 });
  const columns = grid.body;
  const text = JSON.stringify(route.query);
  const filter = useMemo(() => filterOf(route.query), [text]);
  const labelled = useLabelled(of, step, filter.label);
  const matching = useMemo(
    () => columns && matchingOf(columns, filter, labelled.clusters),
    [columns, filter, labelled.clusters],
  );
  if (!columns) return html`<${Missing} watched=${grid} />`;
  const { step: asked, sort, show = "" } = route.query;
  const choose = (wanted, { typing = false } = {}) =>
    go(rolloutLink(of, { step: asked, ...queryOf(wanted), sort }), { replace: typing });
  const reorder = (wanted) =>
    go(rolloutLink(of, { step: asked, ...queryOf(filter), sort: wanted }), { replace: true });
  const shared = { rollout: of, columns, matching, filter, choose, now };
  return html`${!told && html`<${Stale} watched=${grid} />`}
    <${Failures} body=${failures.body} ...${shared} />
    <div class="two">
      <${Course} rollout=${of} step=${step} total=${counts.total} />
      <${Why} ...${shared} />
    </div>
    <${Clusters} labelled=${labelled} ...${shared} />
    <${Members}
      step=${step}
      order=${orderOf(sort)}
      reorder=${reorder}
      shown=${show === MEMBERS ? text : ""}
      ...${shared}
    />`;
}
