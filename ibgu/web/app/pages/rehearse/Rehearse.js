/** A rehearsal: how a plan is likely to go, from many runs in virtual time, before it begins. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { useRehearsal } from "../../data/rehearsal.js";
import { useBody, useNow } from "../../data/watch.js";
import { html } from "../../html.js";
import { Missing } from "../../parts/Notice.js";
import { Words } from "../../parts/Words.js";
import { rolloutPath } from "../../rest/client.js";
import { ACTIONS } from "../../words/actions.js";
import { between, sentence, span } from "../../words/format.js";
import { Form } from "./Form.js";
import { Outcome } from "./Outcome.js";

const START = { yaml: "", against: "", begin: "", by: "", runs: "100", seed: "1", gib: "", assumed: {} };

export function Rehearse({ route }) {
  const [namespace, name] = route.path;
  useEffect(() => {
    document.title = "Rehearse · ibgu";
  }, []);
  return html`<h1>Rehearse</h1>
    ${name ? html`<${OfRollout} namespace=${namespace} name=${name} />` : html`<${Rehearsed} planned=${[]} />`}`;
}

const RARELY = { gap: 30_000, concerns: () => false };

function OfRollout({ namespace, name }) {
  const of = useMemo(() => ({ namespace, name }), [namespace, name]);
  const watched = useBody(rolloutPath(of), RARELY);
  if (!watched.body) return html`<${Missing} watched=${watched} />`;
  const planned = watched.body.plan.flatMap(({ actions }) => actions);
  return html`<${Rehearsed} rollout=${of} planned=${planned} />`;
}

/** `planned`: the actions of the rollout. */
function Rehearsed({ rollout, planned }) {
  const [fields, setFields] = useState(START);
  const { answer, problem, since, start, stop } = useRehearsal();
  const change = (part) => setFields((old) => ({ ...old, ...part }));
  const named = planned.join();
  const actions = useMemo(
    () => actionsIn(`${named}\n${fields.yaml}\n${fields.against}`),
    [named, fields.yaml, fields.against],
  );
  const ask = () => start({ body: bodyOf(rollout, fields, actions), gib: Number(fields.gib) });
  const shown = useMemo(() => answer && html`<${Outcome} ...${answer} />`, [answer]);
  return html`<${Form}
      rollout=${rollout}
      actions=${actions}
      fields=${fields}
      change=${change}
      busy=${since !== null}
      start=${ask}
      stop=${stop}
    />
    ${since !== null && html`<${Busy} since=${since} />`}
    <${Failed} problem=${problem} />
    ${shown}`;
}

/** The actions that a text names, once each. */
const actionsIn = (/** @type {string} */ text) =>
  ACTIONS.filter((each) => new RegExp(`\\b${each}\\b`).test(text));

/** What REST is asked for. */
function bodyOf(rollout, { yaml, against, begin, by, runs, seed, assumed }, actions) {
  const expected = actions.map((action) => ({ action, ...numbers(assumed[action] ?? {}) }));
  return {
    ...(rollout ?? { yaml }),
    ...(against.trim() && { againstYaml: against }),
    ...(begin && { begin: new Date(begin).toISOString() }),
    by: by.trim(),
    runs: Number(runs),
    seed: Number(seed),
    assumed: expected.filter((each) => Object.keys(each).length > 1),
  };
}

const numbers = (given) =>
  Object.fromEntries(
    Object.entries(given)
      .filter(([, text]) => text !== "")
      .map(([key, text]) => [key, Number(text)]),
  );

/** `since`: by the server's clock. */
function Busy({ since }) {
  const now = useNow();
  const waited = between(new Date(since).toISOString(), null, now);
  return html`<p class="card" aria-busy="true">
    <span role="status">ibgu carries the plan out in virtual time.</span>
    ${" "}<span class="quiet">${span(waited)}; it takes up to a minute.</span>
  </p>`;
}

const TITLES = {
  0: "No answer from ibgu.",
  403: "You don't have access.",
  409: "There is nothing to rehearse now.",
  422: "This can't be rehearsed.",
  429: "You have a rehearsal under way already.",
  503: "ibgu can't rehearse now.",
};

function Failed({ problem }) {
  if (!problem) return null;
  return html`<p class="notice bad" role="alert">
    <strong>${TITLES[problem.status] ?? "The rehearsal failed."}</strong>
    ${" "}<${Words} text=${sentence(problem.message)} />
  </p>`;
}
