/** One cluster: how it stands in a sentence, what was done to it, and the journal's own words. */
import { useEffect } from "preact/hooks";
import { useTogether } from "../../data/together.js";
import { useBody, useNow } from "../../data/watch.js";
import { html } from "../../html.js";
import { Empty, Missing, Stale } from "../../parts/Notice.js";
import { Words } from "../../parts/Words.js";
import { clusterPath, query } from "../../rest/client.js";
import { rolloutLink } from "../../route.js";
import { ClusterActions } from "./ClusterActions.js";
import { Explained } from "./Explained.js";
import { Raw } from "./Raw.js";
import { historyPath, Runs } from "./Runs.js";

export function Cluster({ route }) {
  const [name] = route.path;
  const [namespace, rollout] = (route.query.rollout ?? "").split("/");
  const concerns = (event) => event.cluster === name;
  const explained = useBody(clusterPath(name, `/explain${query({ namespace, rollout })}`), {
    concerns,
  });
  const history = useBody(historyPath(name), { concerns });
  const [found, visits] = useTogether(explained.body, history.body);
  const now = useNow();
  useEffect(() => {
    document.title = `${name} · ibgu`;
  }, [name]);
  return html`<${Where} name=${name} namespace=${namespace} rollout=${rollout} />
    ${found && html`<${Stale} watched=${explained.problem ? explained : history} />`}
    ${
      found
        ? html`<${ClusterActions} key=${name} found=${found} cleaned=${cleanedOf(found, visits)} />
            <${Explained} found=${found} now=${now} />`
        : html`<${Missing} watched=${explained} />`
    }
    ${found && !history.body && history.problem && html`<${Empty}><${Words} text=${history.problem.message} /><//>`}
    ${
      visits?.items.length > 0 &&
      html`<${Runs} key=${name} name=${name} page=${visits} now=${now} />
      <${Raw} name=${name} shown=${visits} concerns=${concerns} />`
    }`;
}

/**
 * What failed before the step cleaned up after it: the cluster has failed in the rollout all the
 * same. Empty: nothing did, or the step that is explained is no clean-up.
 */
function cleanedOf({ rollout, step }, visits) {
  const named = ({ rollout: { namespace, name } }) => `${namespace}/${name}` === rollout;
  const all = (visits?.items ?? []).filter(named);
  const newest = all.find(({ member }) => member.step === step);
  if (!newest?.member.completed.some(({ action }) => action === CLEAN_UP)) return "";
  const before = all.filter((each) => each.rollout.uid === newest.rollout.uid && each.member.step < step);
  const last = before.sort((one, other) => other.member.step - one.member.step)[0];
  return last?.member.outcome === "failed" ? (last.member.failedAction ?? "An action") : "";
}

const CLEAN_UP = "AbortOnFailure";

function Where({ name, namespace, rollout }) {
  return html`<header>
    ${rollout && html`<p><a href=${rolloutLink({ namespace, name: rollout })}>← ${rollout}</a></p>`}
    <h1>${name}</h1>
  </header>`;
}
