/**
 * The changes: what each one asks for, takes, risks, and what its button says.
 *
 * @typedef {object} Kind
 * @property {string} title
 * @property {string} path of the request, below the rollout's
 * @property {object} start the body that the form begins with
 * @property {any} Fields what changes the body
 * @property {object} given what the fields need to know
 * @property {(body: any) => string} missing what has to be chosen first; empty: nothing
 * @property {(body: any) => { danger: string, lost: string }} risk
 * @property {(body: any) => object | null} step what is previewed; null: nothing
 * @property {(body: any) => number | null} clusters where no preview tells; null: nobody knows
 * @property {(body: any, clusters: number | null) => string} label of the button
 */
import { riskOf, stepLabel, titleOf } from "../../../words/actions.js";
import { plural } from "../../../words/format.js";
import { Bounds, Clusters, Nothing, Plans } from "./fields.js";

const SLOTS = 10;
const MINUTES = 240;
const SAFE = { danger: "reversible", lost: "" };

/** @returns {Kind} */
export function changeOf(
  /** @type {{ name: string, plans: string[][], danger: string, lost: string }} */ permit,
  /** @type {{ rollout: any, step: any, risks: any }} */ known,
) {
  const { name, danger, lost } = permit;
  return {
    title: `${titleOf(name)}: ${known.rollout.name}`,
    path: name,
    start: {},
    Fields: Nothing,
    given: {},
    missing: () => "",
    risk: () => ({ danger, lost }),
    step: () => null,
    clusters: () => null,
    label: () => `${titleOf(name)} ${known.rollout.name}`,
    ...MORE[name]?.(permit, known),
  };
}

const MORE = {
  adopt: (_, { rollout }) => ({ label: () => `Take ${rollout.name} over from TALM` }),
  resume: (_, { step }) => ({ clusters: () => step?.counts.waiting ?? null }),
  retry: () => ({
    start: { clusters: null, cause: null },
    Fields: Clusters,
    given: { what: "failed" },
    clusters: named,
    label: (_, clusters) => `Retry ${some(clusters, "failed")}`,
  }),
  skip: (_, { step }) => ({
    start: { clusters: null, reason: null },
    Fields: Clusters,
    given: { what: "waiting" },
    clusters: (body) => named(body) ?? step?.counts.waiting ?? null,
    label: (_, clusters) => `Skip ${some(clusters, "waiting")}`,
  }),
  abort: () => ({
    start: { maxConcurrency: null, timeout: null },
    Fields: Bounds,
    step: (body) => ({ actions: ["AbortOnFailure"], ...body }),
    label: (_, clusters) => stepLabel(["AbortOnFailure"], clusters),
  }),
  "append-step": ({ plans }, { step, rollout, risks }) => ({
    title: `Add a step to ${rollout.name}`,
    path: "steps",
    start: {
      actions: [],
      maxConcurrency: step?.maxConcurrency ?? SLOTS,
      timeout: step?.timeoutMinutes ?? MINUTES,
    },
    Fields: Plans,
    given: { plans, risks },
    missing: ({ actions }) => (actions.length ? "" : "Choose what the step does."),
    risk: ({ actions }) => (actions.length ? riskOf(actions, risks) : SAFE),
    step: (body) => (body.actions.length ? body : null),
    label: ({ actions }, clusters) =>
      actions.length ? stepLabel(actions, clusters) : "Add the step",
  }),
};

const named = ({ clusters }) => clusters?.length ?? null;

const some = (clusters, which) =>
  clusters === null ? `${which} clusters` : plural(clusters, `${which} cluster`);
