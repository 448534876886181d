/**
 * The changes: what each one asks for, takes, and what its button says.
 *
 * @typedef {object} Kind
 * @property {string} title
 * @property {string} path of the request, below the rollout's
 * @property {object} start the body that the form begins with
 * @property {any} Fields what changes the body
 * @property {object} given what the fields need to know
 * @property {(body: any) => string} missing what has to be chosen first; empty: nothing
 * @property {string} danger of the change, as its button shows it
 * @property {string} state of the rollout: when it changes, the dry run is repeated
 * @property {(body: any) => object | null} step what is previewed; null: nothing
 * @property {(body: any) => number | null} clusters where no preview tells; null: unknown
 * @property {(body: any, clusters: number | null) => string} label of the button
 */
import { cleanUpLabel, stepLabel, titleOf } from "../../../words/actions.js";
import { plural } from "../../../words/format.js";
import {
  Approval,
  Bounds,
  Chosen,
  Cleanup,
  Clusters,
  Nothing,
  Pause,
  Plans,
  Retry,
  RollBack,
  Which,
} from "./fields.js";

/** @returns {Kind} */
export function changeOf(
  /** @type {{ name: string, plans: string[][], approvals: any[], danger: string }} */ permit,
  /** @type {{ rollout: any, step: any, dangers: any }} */ known,
) {
  const { name, danger } = permit;
  return {
    title: `${titleOf(name)}: ${known.rollout.name}`,
    path: name,
    start: {},
    Fields: Nothing,
    given: {},
    missing: () => "",
    danger,
    state: JSON.stringify([danger, known.rollout.plan, known.step?.step, known.step?.state]),
    step: () => null,
    clusters: () => null,
    label: () => `${titleOf(name)} ${known.rollout.name}`,
    ...MORE[name]?.(permit, known),
  };
}

const MORE = {
  pause: () => ({ start: { why: "" }, Fields: Pause }),
  adopt: (_, { rollout }) => ({ label: () => `Adopt ${rollout.name} from TALM` }),
  // After the end of a step a resume opens the next one, whose clusters are not known yet.
  resume: (_, { step }) => ({
    clusters: () => (step?.state === "finished" ? null : (step?.counts.waiting ?? null)),
  }),
  approve: ({ approvals }, { rollout }) => {
    const chosen = ({ step, before }) =>
      approvals.find((each) => each.step === step && each.before === before);
    return {
      title: `Approve a step of ${rollout.name}`,
      start: { step: approvals[0]?.step, before: approvals[0]?.before, comment: "", minutes: null },
      Fields: Approval,
      given: { approvals },
      // Others may approve it while the form is open.
      missing: (body) => (chosen(body) ? "" : "This approval is no longer needed."),
      label: (body) => `Approve ${chosen(body)?.what ?? rollout.name}`,
    };
  },
  retry: () => ({
    start: { clusters: null, cause: null, abortFirst: false, maxConcurrency: null, timeout: null },
    Fields: Retry,
    clusters: named,
    label: ({ abortFirst }, clusters) =>
      `${abortFirst ? "Abort, then retry" : "Retry"} ${some(clusters, "failed")}`,
  }),
  skip: (_, { step }) => ({
    start: { clusters: null, reason: null },
    Fields: Clusters,
    given: { what: "waiting" },
    clusters: (body) => named(body) ?? step?.counts.waiting ?? null,
    label: (_, clusters) => `Skip ${some(clusters, "waiting")}`,
  }),
  finalize: (_, { rollout }) => ({
    title: `Finalize clusters of ${rollout.name}`,
    start: OF_CLUSTERS,
    Fields: Chosen,
    given: { what: "finished" },
    label: (_, clusters) => `Finalize ${some(clusters)}`,
  }),
  cancel: (_, { rollout }) => ({
    title: `Cancel clusters of ${rollout.name}`,
    start: { ...OF_CLUSTERS, which: "all" },
    Fields: Which,
    label: ({ which }, clusters) =>
      which === "failed" ? cleanUpLabel(clusters) : `Cancel ${some(clusters)}`,
  }),
  rollback: (_, { rollout }) => ({
    title: `Roll back clusters of ${rollout.name}`,
    start: { ...OF_CLUSTERS, finalize: false, failed: false },
    Fields: RollBack,
    label: ({ failed }, clusters) => `Roll back ${some(clusters, failed ? "failed" : "")}`,
  }),
  "confirm-cleanup": (_, { rollout }) => ({
    title: `Confirm a manual clean-up for ${rollout.name}`,
    start: { ...OF_CLUSTERS, reason: "", action: null },
    Fields: Cleanup,
    missing: ({ reason }) => (reason ? "" : "Say what you cleaned up."),
    label: (_, clusters) => `Confirm for ${some(clusters)}`,
  }),
  "append-step": ({ plans }, { rollout, dangers }) => ({
    title: `Add a step to ${rollout.name}`,
    path: "steps",
    start: { actions: [], maxConcurrency: null, timeout: null },
    Fields: Plans,
    given: { plans, dangers, kind: rollout.kind, after: rollout.plan.map(({ actions }) => actions.join(" + ")).join(", then ") },
    missing: ({ actions }) => (actions.length ? "" : "Choose the step's actions."),
    step: (body) => (body.actions.length ? body : null),
    label: ({ actions }, clusters) =>
      actions.length ? stepLabel(actions, clusters) : "Add the step",
  }),
};

const OF_CLUSTERS = { clusters: null, label: "", maxConcurrency: null, timeout: null };

const named = ({ clusters }) => clusters?.length ?? null;

const some = (clusters, which = "") => {
  const noun = `${which} cluster`.trim();
  return clusters === null ? `${noun}s` : plural(clusters, noun);
};
