/** One rollout as of one moment: every number on its page is from the same answer. */
import { useRef } from "preact/hooks";
import { rolloutPath } from "../rest/client.js";
import { useBody } from "./watch.js";

const REFUSED = [403, 422];
const MISSING = 404;

/** How many members of a step have a reason for longer than usual. */
export const overdueIn = (/** @type {{ reasons: { overdue: number }[] } | null} */ step) =>
  (step?.reasons ?? []).reduce((sum, { overdue }) => sum + overdue, 0);

/** Whether clusters wait and none is in flight, as of a step or of a whole rollout. */
export const atRest = (/** @type {{ waiting: number, running: number } | undefined} */ counts) =>
  Boolean(counts && counts.waiting && !counts.running);

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
