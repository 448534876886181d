/** What a step would do: to which clusters, in how many waves, whether the time is enough. */
import { useServices } from "../../../data/services.js";
import { useNow } from "../../../data/watch.js";
import { html } from "../../../html.js";
import { At } from "../../../parts/Time.js";
import { Words } from "../../../parts/Words.js";
import { count, plural, sentence, span } from "../../../words/format.js";
import { useAnswer } from "./asking.js";

/**
 * What the step would do.
 *
 * @param {{ namespace: string, name: string }} rollout
 * @param {object | null} step null: nothing is to be asked
 * @returns {import("./asking.js").Asked & { found: any }} found: null, unknown yet
 */
export function usePreview({ namespace, name }, step) {
  const { rest } = useServices();
  const ask = (/** @type {AbortSignal} */ signal) =>
    rest.post("preview", { namespace, name, append: [step] }, signal);
  const asked = useAnswer(JSON.stringify([namespace, name, step]), step && ask);
  const { answer, problem } = asked;
  return { ...asked, found: answer ?? (problem && { problems: [problem.message], steps: [] }) };
}

export function Preview({ found }) {
  const now = useNow(10_000);
  if (!found) return html`<p class="quiet" aria-busy="true">Calculating the preview…</p>`;
  return html`<section class="preview" aria-label="Preview" aria-live="polite">
    ${found.problems?.map((words) => html`<p key=${words} class="bad"><${Words} text=${sentence(words)} /></p>`)}
    ${found.steps.map((each) => html`<${Step} key=${each.step} step=${each} />`)}
    ${found.errors?.map((words) => html`<p key=${words} class="bad"><${Words} text=${sentence(words)} /></p>`)}
    ${found.warnings?.map((words) => html`<p key=${words} class="worry"><${Words} text=${sentence(words)} /></p>`)}
    <${Groups} groups=${found.excluded ?? []} words="left alone" />
    ${found.ends && html`<${Ends} ends=${found.ends} now=${now} />`}
  </section>`;
}

function Step({ step }) {
  const { measured, enough, advice } = step;
  return html`<p>
      <strong>Step ${step.step}, ${step.actions.join(" + ")}:</strong> ${plural(step.clusters, "cluster")} in
      ${" "}${plural(step.waves, "wave")} of ${count(step.slots)}; ${minutes(step.allowedMinutesPerSite)} for each.
    </p>
    <p class=${enough === false ? "bad" : "quiet"}>
      ${
        measured
          ? `On this hub it took ${span(measured.p50)} (median), ${span(measured.p95)} (p95), in ${plural(measured.count, "run")}.`
          : "No measurements on this hub yet."
      }
      ${" "}<${Words} text=${advice} />
    </p>`;
}

const minutes = (number) => (number == null ? "no limit" : `${Math.round(number * 10) / 10} min`);

/** A range, what it rests on, and whom the plan does not reach in it. */
function Ends({ ends, now }) {
  const { likely, slow, latest, basis, unreached } = ends;
  return html`<p>
      ${likely && html`Ends likely <${At} stamp=${likely} now=${now} />, if clusters are slow <${At} stamp=${slow} now=${now} />. `}
      ${latest && html`At the latest <${At} stamp=${latest} now=${now} />.`}
    </p>
    ${basis.length > 0 && html`<p class="quiet">${likely ? "Rests on" : "Would rest on"}: <${Words} text=${sentence(basis.join("; "))} /></p>`}
    <${Groups} groups=${unreached} words="not reached by the likely end" />`;
}

/** Whom the step leaves alone, or the plan does not reach, and why: it matters most where the others lose something. */
function Groups({ groups, words }) {
  if (!groups.length) return null;
  return html`<details open>
    <summary>${plural(
      groups.reduce((sum, each) => sum + each.count, 0),
      "cluster",
    )} ${words}</summary>
    <ul>
      ${groups.map(({ why, count: number, clusters }) => html`<li key=${why}>${count(number)} <${Words} text=${why} />: ${clusters.join(", ")}${number > clusters.length && ", …"}</li>`)}
    </ul>
  </details>`;
}
