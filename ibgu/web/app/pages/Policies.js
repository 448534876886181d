/** RolloutPolicies: what each allows, and the clusters that it holds. */
import { useEffect } from "preact/hooks";
import { useBody, useNow } from "../data/watch.js";
import { html } from "../html.js";
import { Empty, Missing, Stale } from "../parts/Notice.js";
import { Ago, At } from "../parts/Time.js";
import { Words } from "../parts/Words.js";
import { clusterLink, MEMBERS, policyLink, rolloutLink } from "../route.js";
import { count, plural, sentence } from "../words/format.js";

/** What a policy holds is counted over all rollouts. */
const RARELY = { gap: 5_000, concerns: () => false };
const PATH = "policies";
const HELD = "GateClosed";

export function Policies({ route }) {
  const [name] = route.path;
  return name ? html`<${Policy} name=${name} />` : html`<${InForce} />`;
}

function InForce() {
  const watched = useBody(PATH, RARELY);
  const now = useNow();
  useTitle("Policies");
  if (!watched.body) return html`<${Missing} watched=${watched} />`;
  const { items, problem } = watched.body;
  return html`<h1>Policies</h1>
    <${Stale} watched=${watched} />
    ${problem && html`<p class="notice bad" role="alert">The controller does not know the policies of the hub: <${Words} text=${sentence(problem)} /></p>`}
    ${items.length ? html`<${Table} policies=${items} now=${now} />` : html`<${Empty}>No RolloutPolicies are in force.<//>`}`;
}

function Table({ policies, now }) {
  return html`<div class="card scroll" tabindex="0" role="group" aria-label="Policies">
    <table class="policies">
      <thead>
        <tr>
          <th scope="col">Policy</th>
          <th scope="col" class="number">Holds</th>
          <th scope="col" class="number">Rollouts</th>
          <th scope="col">First may start</th>
          <th scope="col">Allows</th>
        </tr>
      </thead>
      <tbody>
        ${policies.map((policy) => html`<${Row} key=${policy.name} policy=${policy} now=${now} />`)}
      </tbody>
    </table>
  </div>`;
}

function Row({ policy, now }) {
  return html`<tr>
    <th scope="row"><a href=${policyLink(policy.name)}>${policy.name}</a></th>
    <td class="number">${count(policy.clusters)}</td>
    <td class="number">${count(policy.rollouts)}</td>
    <td><${At} stamp=${policy.opens} now=${now} /></td>
    <td>${policy.allows.length ? html`<${Sentences} texts=${policy.allows} />` : html`<${Words} text=${policy.message} />`}</td>
  </tr>`;
}

function Sentences({ texts }) {
  return html`<ul class="sentences">
    ${texts.map((text, index) => html`<li key=${index}><${Words} text=${text} /></li>`)}
  </ul>`;
}

function Policy({ name }) {
  const watched = useBody(`${PATH}/${encodeURIComponent(name)}`, RARELY);
  const now = useNow();
  useTitle(name);
  if (!watched.body) return html`<${Missing} watched=${watched} />`;
  const policy = watched.body;
  return html`<p><a href=${policyLink()}>All policies</a></p>
    <h1>${policy.name} <${Version} policy=${policy} now=${now} /></h1>
    <${Stale} watched=${watched} />
    <section class="card" aria-labelledby="allows">
      <h2 id="allows">What it allows</h2>
      <${Sentences} texts=${policy.allows} />
      <p class="quiet">To request a change, ask someone listed by <code>oc adm policy who-can update rolloutpolicies.ibgu.dev</code>.</p>
    </section>
    <section class="card" aria-labelledby="holds">
      <h2 id="holds">What it holds now</h2>
      ${policy.holds.length ? html`<${Holds} holds=${policy.holds} now=${now} />` : html`<${Empty}>It holds no cluster now.<//>`}
    </section>`;
}

function Version({ policy, now }) {
  if (!policy.since) return html`<span class="problem">the controller can't read it</span>`;
  return html`<span class="quiet">generation ${policy.generation}, in force for <${Ago} stamp=${policy.since} now=${now} /></span>`;
}

function Holds({ holds, now }) {
  return html`<ul class="failures holds">
    ${holds.map(
      (hold, index) => html`<li class="group" key=${index}>
        <span class="number">${count(hold.clusters)}</span>
        <div>
          <h3><a href=${membersOf(hold)}>${hold.namespace}/${hold.name}</a>, step ${hold.step}${hold.inFlight && ", between two actions"}</h3>
          <p class="words"><${Words} text=${hold.message} /></p>
          <p>Ends: ${hold.ends}. The first has waited for <${Ago} stamp=${hold.since} now=${now} />.</p>
          <p><${Names} hold=${hold} /></p>
        </div>
      </li>`,
    )}
  </ul>`;
}

const membersOf = (hold) => rolloutLink(hold, { step: hold.step, reason: HELD, show: MEMBERS });

function Names({ hold: { namespace, name, names, clusters } }) {
  const more = clusters - names.length;
  const rollout = `${namespace}/${name}`;
  return html`${names.map((each, index) => html`${index > 0 && ", "}<a key=${each} href=${clusterLink(each, { rollout })}>${each}</a>`)}${more > 0 && ` and ${plural(more, "more cluster")}`}`;
}

function useTitle(/** @type {string} */ words) {
  useEffect(() => {
    document.title = `${words} · ibgu`;
  }, [words]);
}
