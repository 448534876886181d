/** What is asked of the cluster on the hub, and what its agent reports: read when someone looks. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { useServices } from "../../data/services.js";
import { useNow } from "../../data/watch.js";
import { html } from "../../html.js";
import { Empty, Loading } from "../../parts/Notice.js";
import { Ago, At } from "../../parts/Time.js";
import { Words } from "../../parts/Words.js";
import { clusterPath } from "../../rest/client.js";

export function Works({ name }) {
  const { body, problem, again } = useAsked(clusterPath(name, "/works"));
  const now = useNow();
  if (!body && !problem) return html`<${Loading} />`;
  return html`<p class="quiet">
      ${body && html`Read on the hub <${Ago} stamp=${body.readAt} now=${now} /> ago. `}
      <button type="button" class="small" onClick=${again}>Reload</button>
    </p>
    ${problem && html`<p class="bad" role="alert"><${Words} text=${problem.message} /></p>`}
    ${body && told(body.items, now)}`;
}

function told(items, now) {
  if (!items.length)
    return html`<${Empty}>ibgu has no ManifestWork for this cluster: it requests nothing.<//>`;
  return items.map((work) => html`<${Work} key=${work.name} work=${work} now=${now} />`);
}

/** Each time with the caller's own token on the hub, so not every few seconds. */
function useAsked(path) {
  const { rest } = useServices();
  const [state, setState] = useState({ body: null, problem: null });
  const again = useCallback(async () => {
    try {
      setState({ body: await rest.get(path), problem: null });
    } catch (problem) {
      setState((old) => ({ ...old, problem }));
    }
  }, [rest, path]);
  useEffect(() => {
    again();
  }, [again]);
  return { ...state, again };
}

function Work({ work, now }) {
  return html`<section class="work" aria-label=${work.name}>
    <h3>${work.part} <span class="quiet">${work.rollout} · ${work.name}</span></h3>
    <dl>
      ${["asks", "agent", "stands"]
        .filter((name) => work[name])
        .map((name) => html`<dt key=${name}>${name}</dt><dd><${Words} text=${work[name]} /></dd>`)}
      ${work.applyError && html`<dt>refused</dt><dd class="bad"><${Words} text=${work.applyError} /></dd>`}
      ${work.run?.limit && html`<dt>limit</dt><dd><${At} stamp=${work.run.limit} now=${now} /></dd>`}
      ${work.run && html`<dt>run</dt><dd><code>${work.run.id}</code></dd>`}
    </dl>
    ${work.manifests.map((each) => html`<${Manifest} key=${each.kind + each.namespace + each.name} manifest=${each} />`)}
  </section>`;
}

function Manifest({ manifest: { kind, namespace, name, conditions, feedback } }) {
  const title = `${kind} ${namespace && `${namespace}/`}${name}`;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${title}>
    <table class="values">
      <caption>${title}</caption>
      <tbody>
        ${conditions.map(
          ({ type, status, reason, message }) => html`<tr key=${type}>
            <th scope="row">${type}</th>
            <td>${status} <span class="quiet">${reason} <${Words} text=${message} /></span></td>
          </tr>`,
        )}
        ${Object.entries(feedback).map(
          ([value, words]) => html`<tr key=${value}>
            <th scope="row"><code>${value}</code></th>
            <td><${Words} text=${words} /></td>
          </tr>`,
        )}
      </tbody>
    </table>
  </div>`;
}
