/** The catalogue of seed images: what became of the clusters that were brought to each. */
import { useEffect } from "preact/hooks";
import { useBody } from "../data/watch.js";
import { html } from "../html.js";
import { Empty, Missing, Stale } from "../parts/Notice.js";
import { Words } from "../parts/Words.js";
import { seedLink } from "../route.js";
import { count, plural, span } from "../words/format.js";
import { spaced } from "../words/states.js";

/** Every answer counts clusters over all rollouts, and hardly changes. */
const RARELY = { gap: 30_000, concerns: () => false };
const PATH = "seed-images";

export function Seeds({ route }) {
  const [name] = route.path;
  return name ? html`<${Seed} name=${name} />` : html`<${Catalogue} />`;
}

function Catalogue() {
  const watched = useBody(PATH, RARELY);
  useTitle("Seed images");
  if (!watched.body) return html`<${Missing} watched=${watched} />`;
  const { items, installed, truncated } = watched.body;
  const others = items.filter(({ name }) => !name);
  return html`<h1>Seed images</h1>
    <${Stale} watched=${watched} />
    ${!installed && html`<p class="notice warn">The hub has no catalogue: apply <code>charts/ibgu/crds/seedimages.yaml</code> of ibgu's source.</p>`}
    ${truncated && html`<p class="notice quiet">The catalogue has more entries: <code>kubectl get seedimages</code> lists all of them.</p>`}
    ${installed && others.length > 0 && html`<p class="notice quiet">${plural(others.length, "image")} without an entry: <code>ibgu seed add</code> prints a SeedImage to apply.</p>`}
    ${items.length ? html`<${Table} seeds=${items} />` : html`<${Empty}>No seed images found: the catalogue is empty, and no rollout that you may see names one.<//>`}`;
}

function Table({ seeds }) {
  return html`<div class="card scroll" tabindex="0" role="group" aria-label="Seed images">
    <table class="seeds">
      <thead>
        <tr>
          <th scope="col">Seed image</th>
          <th scope="col">Release</th>
          <th scope="col">Made for</th>
          <th scope="col" class="number">Upgraded</th>
          <th scope="col" class="number">Rolled back</th>
          <th scope="col" class="number">Failed</th>
          <th scope="col">Most frequent failure</th>
        </tr>
      </thead>
      <tbody>
        ${seeds.map((seed) => html`<${Row} key=${seed.name ?? seed.image} seed=${seed} />`)}
      </tbody>
    </table>
  </div>`;
}

function Row({ seed }) {
  const { results } = seed;
  const [largest] = results.failures;
  return html`<tr>
    <th scope="row">
      ${seed.name ? html`<a href=${seedLink(seed.name)}>${seed.name}</a>` : html`<span class="image">${seed.image}</span>`}
      <span class="quiet used">${seed.name ? plural(results.rollouts, "rollout") : `not in the catalogue, ${plural(results.rollouts, "rollout")}`}</span>
    </th>
    <td>${seed.release || results.releases.join(", ")}</td>
    <td>${pairs(seed.profile)}</td>
    <td class="number">${count(results.upgraded)}</td>
    <td class="number">${count(results.rolledBack)}</td>
    <td class="number ${results.failed ? "problem" : ""}">${count(results.failed)}</td>
    <td>${largest && `${count(largest.count)} ${titleOf(largest)}`}</td>
  </tr>`;
}

function Seed({ name }) {
  const watched = useBody(`${PATH}/${encodeURIComponent(name)}`, RARELY);
  useTitle(name);
  if (!watched.body) return html`<${Missing} watched=${watched} />`;
  const seed = watched.body;
  const { results } = seed;
  return html`<p><a href=${seedLink()}>All seed images</a></p>
    <h1>${seed.name} <span class="quiet">release ${seed.release}</span></h1>
    <${Stale} watched=${watched} />
    <section class="card" aria-labelledby="results">
      <h2 id="results">Results</h2>
      <p>
        ${plural(results.upgraded, "cluster")} upgraded, ${count(results.failed)} failed,
        ${" "}${count(results.rolledBack)} rolled back, in ${plural(results.rollouts, "rollout")}
        ${results.counted < results.rollouts && `, of which the newest ${count(results.counted)} count`}
      </p>
      ${results.held > 0 && html`<p class="notice warn">The circuit breaker of the image holds ${plural(results.held, "rollout")}. Find out why upgrades failed before you resume one.</p>`}
      <${Failures} failures=${results.failures} />
    </section>
    <section class="card seed" aria-labelledby="entry">
      <h2 id="entry">Entry</h2>
      <dl>${described(seed).map(([term, text]) => html`<dt key=${term}>${term}</dt><dd>${text}</dd>`)}</dl>
    </section>`;
}

function Failures({ failures }) {
  if (!failures.length) return null;
  return html`<ul class="failures">
    ${failures.map(
      (each, index) => html`<li class="group" key=${index}>
        <span class="number">${count(each.count)}</span>
        <div>
          <h3>${titleOf(each)}</h3>
          ${each.message && html`<p class="words"><${Words} text=${each.message} /></p>`}
        </div>
      </li>`,
    )}
  </ul>`;
}

/** A cause like PrepFailed says no more than the action does. */
function titleOf({ action, failure, cause, specific }) {
  return specific ? `${action}: ${spaced(failure ?? cause)}` : `${action} failed`;
}

const pairs = (profile) =>
  Object.entries(profile)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");

function described({ image, profile, clusterLabels, generatedFrom: made, circuitBreaker, results }) {
  const labelled = Object.entries(profile).map(
    ([key, value]) => `${key}=${value} (label ${clusterLabels[key] ?? `profile.ibgu.dev/${key}`})`,
  );
  const origin = [
    made.cluster && `cluster ${made.cluster}`,
    made.lifecycleAgent && `Lifecycle Agent ${made.lifecycleAgent}`,
    made.oadp && `OADP ${made.oadp}`,
    made.time,
  ];
  const others = results.images.filter((each) => each !== image);
  return [
    ["Image", image],
    ["Made for", labelled.join(", ")],
    ["Stops at", limits(circuitBreaker)],
    ["Made from", origin.filter(Boolean).join(", ")],
    ["Also pulled as", others.join(", ")],
  ].filter(([, text]) => text);
}

/** When the circuit breaker of the image holds every rollout that uses it. */
function limits(breaker) {
  if (!breaker) return "";
  const found = [
    breaker.sameCause && `${count(breaker.sameCause)} failed upgrades with one cause`,
    breaker.percent && `${breaker.percent}% of at least ${plural(breaker.minimumUpgrades, "upgrade")} failed`,
  ];
  return `${found.filter(Boolean).join(" or ")}, within ${span(breaker.windowMinutes * 60)}`;
}

function useTitle(/** @type {string} */ words) {
  useEffect(() => {
    document.title = `${words} · ibgu`;
  }, [words]);
}
