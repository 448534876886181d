/** Go or no-go: what would fail in the first step that has not begun, for whom, and what to do. */
import { useMemo } from "preact/hooks";
import { usePreflight } from "../../../data/preflight.js";
import { html } from "../../../html.js";
import { Words } from "../../../parts/Words.js";
import { clockWithSeconds, count, plural, sentence } from "../../../words/format.js";
import { ERROR, Findings, Unknown, unknownRules, WARNING } from "./Findings.js";

export function Preflight({ rollout }) {
  const { report, at, problem, busy, again, inspect } = usePreflight(rollout);
  // The page is drawn each second; this changes with the answer only.
  const found = useMemo(
    () => report && html`<${Report} report=${report} rollout=${rollout} />`,
    [report, rollout],
  );
  // A button that is disabled would lose the focus.
  const press = () => busy || again();
  const read = () => busy || inspect();
  return html`<section
    class="card preflight"
    aria-labelledby="preflight"
    aria-busy=${busy ? "true" : null}
  >
    <div class="head">
      <h2 id="preflight">Preflight</h2>
      <p class="verdict" role="status">
        ${report ? html`<${Verdict} report=${report} />` : busy && "Checking the hub and its clusters…"}
      </p>
      <span class="again">
        ${at && html`<span class="quiet">Checked at ${clockWithSeconds(at)}</span>`}
        <button type="button" class="small" aria-disabled=${busy ? "true" : null} onClick=${press}>
          ${busy ? "Checking…" : "Check again"}
        </button>
        ${report?.inspectable &&
        html`<button type="button" class="small" aria-disabled=${busy ? "true" : null} onClick=${read}>
          Inspect clusters
        </button>`}
      </span>
    </div>
    <${Failed} problem=${problem} report=${report} />
    ${found}
  </section>`;
}

const has = ({ findings }, wanted) => findings.some(({ severity }) => severity === wanted);

function Verdict({ report }) {
  const { clusters, blocked } = report;
  const unknown = unknownRules(report);
  const [name, words, whom] = has(report, ERROR)
    ? ["no-go", "No-go", blocked < clusters ? `for ${count(blocked)} of ${plural(clusters, "cluster")}` : all(clusters)]
    : !clusters
      ? ["nobody", "Nothing to start", "no cluster is selected"]
      : has(report, WARNING)
        ? ["warned", "Go with warnings", all(clusters)]
        : ["go", "Go", all(clusters)];
  return html`<span class="phase p-${name}">${words}</span> ${whom}${
    unknown > 0 && html`<span class="quiet">, ${plural(unknown, "rule")} could not be checked</span>`
  }`;
}

function all(/** @type {number} */ clusters) {
  if (!clusters) return "no cluster is selected";
  return clusters === 1 ? "for 1 cluster" : `for all ${count(clusters)} clusters`;
}

const rulesOf = ({ rules }, wanted) => rules.filter(({ outcome }) => outcome === wanted).length;

function Report({ report, rollout }) {
  const passed = rulesOf(report, "passed");
  const besides = rulesOf(report, "notApplicable");
  return html`<${Findings} report=${report} rollout=${rollout} />
    <${Unknown} report=${report} rollout=${rollout} />
    <p class="quiet">
      ${plural(passed, "rule")} passed${besides > 0 && `, ${count(besides)} ${besides === 1 ? "does" : "do"} not apply`}.
    </p>
    <${Inspected} report=${report} />`;
}

function Inspected({ report: { clusters, inspected, inspecting, inspectedAt } }) {
  if (!inspected && !inspecting) return null;
  const of = `of ${plural(clusters, "cluster")}`;
  return html`<p class="quiet">
    ${inspected > 0 && `${count(inspected)} ${of} inspected, the first at ${clockWithSeconds(Date.parse(inspectedAt))}. `}
    ${inspecting > 0 && `${count(inspecting)} ${of} being inspected.`}
  </p>`;
}

const ADVICE = {
  0: "Check the API process and the network.",
  403: "Ask an administrator of the hub.",
};

function Failed({ problem, report }) {
  if (!problem) return null;
  const title = problem.status === 403 ? "You may not run this check." : "The check failed.";
  return html`<p class="notice bad" role="alert">
    <strong>${title}</strong> <${Words} text=${sentence(problem.message)} />
    ${" "}${ADVICE[problem.status] ?? ""}${report && " The previous result is below."}
  </p>`;
}
