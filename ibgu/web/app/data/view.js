/** One rollout as of one moment: every number on its page is from the same answer. */
import { useRef } from "preact/hooks";
import { rolloutPath } from "../rest/client.js";
import { useBody } from "./watch.js";

const REFUSED = [403, 422];
const MISSING = 404;

/** How many members of a step have a reason for longer than usual. */
export const overdueIn = (/** @type {{ reasons: { overdue: number }[] }} */ { reasons }) =>
  reasons.reduce((sum, { overdue }) => sum + overdue, 0);

/** Reasons of clusters that start by themselves, in their turn or a moment later. */
const STARTING = new Set([
  ...["WaitingForSlot", "Probing", "Ready", "StartJitter", "Reopening"],
  ...["StartRate", "HubStartRate", "RampUp"],
]);

/** Whether clusters wait and none is in flight, as of a step or of a whole rollout. */
export const atRest = (/** @type {{ waiting: number, running: number } | undefined} */ counts) =>
  Boolean(counts && counts.waiting && !counts.running);

/** The reasons of a rollout's newest step, what needs a person first; whether none of them ends in a moment. */
export function waitingFor(/** @type {any} */ { reasons }) {
  const person = (/** @type {any} */ { who }) => Number(who === "person");
  return {
    reasons: [...reasons].sort((one, other) => person(other) - person(one)),
    kept: !reasons.some((/** @type {any} */ { kind }) => STARTING.has(kind)),
  };
}

/** The reasons that keep every cluster of the step from starting, while none is in flight; empty: some start. */
export function keptOf(/** @type {any} */ step) {
  if (!step || step.state === "finished" || !atRest(step.counts)) return [];
  return step.reasons.some(({ kind }) => STARTING.has(kind)) ? [] : step.reasons;
}

/**
 * @param {import("../rest/client.js").RolloutRef} of
 * @param {number | undefined} step undefined: the newest one; without such a step the newest one is
 *   shown, while the other is asked for again
 * @param {string} label a selector; empty: all
 * @returns `watched`, whose body stays while another step or label is asked for; `refused`: why
 *   there is no answer by labels, while all clusters are shown
 */
export function useView(of, step, label) {
  const path = (/** @type {object} */ asked) => rolloutPath(of, "/view", asked);
  const chosen = useBody(label ? path({ step, label }) : null);
  const problem = label ? chosen.problem : null;
  const refused = problem && REFUSED.includes(problem.status) ? problem : null;
  const all = useBody(label && !refused ? null : path({ step }));
  const wanted = label && !refused ? chosen : all;
  const lacks = step !== undefined && wanted.problem?.status === MISSING;
  const newest = useBody(lacks ? path({}) : null);
  const watched = lacks ? newest : wanted;
  const last = useRef(null);
  last.current = watched.body ?? last.current;
  return { watched: { ...watched, body: last.current }, refused };
}
