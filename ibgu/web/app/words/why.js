/** Why a member has not finished, in as few words as say it. */
import { spaced, stateOf } from "./states.js";

/**
 * The name beside the words: a failure's, or a reason's that has no words of its own. A reason's
 * words are a sentence that says all of it.
 *
 * @param {string} state
 * @param {string | null} failed known failure or cause of a member that has finished
 * @param {string | null} reason of one that has not
 * @param {boolean} told whether the reason's words, or its policy, stand beside it
 */
export function nameOf(state, failed, reason, told) {
  if (failed) return spaced(failed);
  return told || spaced(reason) === stateOf(state).label ? "" : spaced(reason);
}

const WHOM = {
  ibgu: "continues automatically",
  cluster: "waits for clusters",
  person: "needs action",
};

/** Whom something waits for. */
export const whomOf = (/** @type {{ who: string }} */ { who }) => WHOM[who] ?? who;

/** The policy that keeps a cluster; empty: none does. */
export const keeperOf = (/** @type {{ policy?: string | null } | null | undefined} */ reason) =>
  reason?.policy ? `policy ${reason.policy}` : "";

/** A reason by its kind, or by the policy that gives it. */
export const reasonName = (/** @type {{ kind: string, policy?: string | null }} */ reason) =>
  reason.policy ? `held by ${keeperOf(reason)}` : spaced(reason.kind);
