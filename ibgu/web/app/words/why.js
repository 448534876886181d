/** Why a member has not finished, without a word that stands beside it already. */
import { spaced, stateOf } from "./states.js";

/**
 * @param {string} state
 * @param {string | null} kind of the reason, cause or known failure
 * @param {string} words of the cluster or of the journal
 * @returns {{ kind: string, words: string }} empty: it would only be said twice
 */
export function whyOf(state, kind, words) {
  const name = spaced(kind);
  const told = [stateOf(state).label, name].filter(Boolean).reduce(without, words);
  const twice = name === stateOf(state).label || begins(told, name);
  return { kind: twice ? "" : name, words: told };
}

/** As in "ready, waits for a slot". */
function begins(/** @type {string} */ words, /** @type {string} */ name) {
  return words.toLowerCase().startsWith(name) && !/^\w/.test(words.slice(name.length));
}

/** "rebooting: the cluster is away" is "the cluster is away" beside the word. */
function without(/** @type {string} */ words, /** @type {string} */ name) {
  const head = `${name}:`;
  return words.toLowerCase().startsWith(head) ? words.slice(head.length).trim() : words;
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
