/** One rollout: where it stands, why it has not finished, and every cluster of one of its steps. */
import { useEffect, useMemo } from "preact/hooks";
import { filterOf, matchingOf, queryOf } from "../../data/filter.js";
import { orderOf } from "../../data/order.js";
import { useView } from "../../data/view.js";
import { useNow } from "../../data/watch.js";
import { html } from "../../html.js";
import { Empty, Loading, Missing, Stale } from "../../parts/Notice.js";
import { go, MEMBERS, rolloutLink } from "../../route.js";
import { Activity } from "./Activity.js";
import { Clusters } from "./Clusters.js";
import { Course } from "./Course.js";
import { FailedElsewhere, Failures } from "./Failures.js";
import { Headline } from "./Headline.js";
import { Members } from "./Members.js";
import { Preflight } from "./preflight/Preflight.js";
import { Recorded, RECORDS_FINDINGS } from "./preflight/Recorded.js";
import { Steps } from "./Steps.js";
import { Why } from "./Why.js";

export function Rollout({ route }) {
  const [namespace, name] = route.path;
  const { uid } = route.query;
  const of = useMemo(() => ({ namespace, name, uid, exact: true }), [namespace, name, uid]);
  const asked = Number(route.query.step) || undefined;
  const { watched, refused } = useView(of, asked, route.query.label ?? "");
  const now = useNow();
  useEffect(() => {
    document.title = `${name} · ibgu`;
  }, [name]);
  const view = watched.body;
  if (!view) return html`<${Missing} watched=${watched} />`;
  const { steps, selected } = view;
  const rollout = { ...view.rollout, exact: Boolean(uid) };
  const current = rollout.current?.step ?? 1;
  const number = asked ?? current;
  const choose = (step) => go(rolloutLink(of, step === current ? {} : { step }));
  const found = (wanted) => steps.find((each) => each.step === wanted);
  const running = rollout.current && found(current);
  const shown = selected?.steps ?? steps;
  return html`<${Headline}
      rollout=${rollout}
      reports=${view.reports}
      step=${running}
      next=${nextOf(view)}
      selected=${selected && withLabel(selected, current, route.query.label)}
      now=${now}
    />
    <${Stale} watched=${watched} />
    <${Steps} steps=${shown} chosen=${number} choose=${choose} now=${now} />
    <${Step}
      key=${number}
      of=${of}
      step=${found(number)}
      steps=${shown}
      view=${view}
      refused=${refused}
      route=${route}
      now=${now}
    />`;
}

/** The first step that has not begun; undefined: nothing begins any more. */
const nextOf = ({ rollout, steps }) =>
  rollout.phase === "Deleted" ? undefined : steps.find(({ state }) => state === "planned");

/** The headline's numbers, of clusters with the label only. */
const withLabel = ({ counts, steps }, current, label) => ({
  label,
  counts,
  step: steps.find(({ step }) => step === current),
});

function Step({ step, view, ...more }) {
  if (!step) return html`<${Empty}>The plan has no such step.<//>`;
  if (step.state === "planned") return html`<${Planned} step=${step} view=${view} of=${more.of} />`;
  if (view.grid.step !== step.step) return html`<${Loading} />`;
  return html`<${Begun} step=${step} view=${view} ...${more} />`;
}

/** Preflight is of the next step: what comes later depends on how that one ends. */
function Planned({ of, step, view }) {
  const next = nextOf(view);
  return html`<${Empty}>
      This step has not started. It selects its clusters when it starts.
      ${
        next &&
        next.step !== step.step &&
        html` Step ${next.step} comes first: <a href=${rolloutLink(of, { step: next.step })}>its preflight</a>.`
      }
    <//>
    ${next?.step === step.step && html`<${Preflight} rollout=${of} />`}`;
}

function Begun({ of, step: { step, counts, reasons, followUps }, steps, view, refused, route, now }) {
  const { grid: columns, labelled, failures, timeline } = view;
  const text = JSON.stringify(route.query);
  const filter = useMemo(() => filterOf(route.query), [text]);
  const matching = useMemo(
    () => matchingOf(columns, filter, labelled),
    [columns, filter, labelled],
  );
  const { step: asked, sort, show = "" } = route.query;
  const choose = (wanted, { typing = false } = {}) =>
    go(rolloutLink(of, { step: asked, ...queryOf(wanted), sort }), { replace: typing });
  const reorder = (wanted) =>
    go(rolloutLink(of, { step: asked, ...queryOf(filter), sort: wanted }), { replace: true });
  const shared = { rollout: of, columns, labelled, matching, filter, choose, now };
  return html`<${Failures} body=${failures} ...${shared} />
    <${FailedElsewhere} rollout=${of} steps=${steps} step=${step} label=${route.query.label} />
    <div class="two">
      <${Course} timeline=${timeline} total=${labelled?.filter(Boolean).length ?? counts.total} />
      <${Why} reasons=${reasons} said=${view.rollout.waitsFor} followUps=${followUps} ...${shared} />
    </div>
    <${Clusters} refused=${refused} ...${shared} />
    ${view.rollout.kind === RECORDS_FINDINGS && html`<${Recorded} rollout=${of} step=${step} />`}
    <${Activity} rollout=${of} now=${now} />
    <${Members}
      said=${[view.rollout.hold, ...reasons]}
      step=${step}
      order=${orderOf(sort)}
      reorder=${reorder}
      shown=${show === MEMBERS ? text : ""}
      ...${shared}
    />`;
}
