/**
 * Which members are shown: the same choice for grid, table and link.
 *
 * @typedef {{ step: number, seq: number, clusters: string[], states: string[],
 *   reasons: (string | null)[], causes: (string | null)[], failures: (string | null)[],
 *   since: (string | null)[], stalled: boolean[], overdue: boolean[], warned: boolean[],
 *   rollback: boolean[] }} Columns of the route `grid`
 * @typedef {{ state: Set<string>, reason: string, cause: string, failure: string, find: string,
 *   label: string }} Filter `label`: a selector, which only the server can judge by
 */
import { MARKS, REPORTS } from "../words/states.js";

const NAMES = ["state", "reason", "cause", "failure", "find", "label"];

/** @returns {Filter} */
export function filterOf(/** @type {Record<string, string>} */ query) {
  const { state = "", reason = "", cause = "", failure = "", find = "", label = "" } = query;
  return { state: new Set(state.split(",").filter(Boolean)), reason, cause, failure, find, label };
}

/** As a part of the address; what is not chosen is empty. */
export function queryOf(/** @type {Filter} */ filter) {
  return { ...filter, state: [...filter.state].join(",") };
}

export const NOTHING = filterOf({});

export const chosen = (/** @type {Filter} */ filter) =>
  NAMES.some((name) => (name === "state" ? filter.state.size : filter[name]));

/** 1 for each member that is to be shown. `labelled`: whether its labels match; null: all do. */
export function matchingOf(
  /** @type {Columns} */ columns,
  /** @type {Filter} */ filter,
  /** @type {boolean[] | null} */ labelled,
) {
  const found = new Uint8Array(columns.clusters.length);
  const find = filter.find.toLowerCase();
  const marks = [...MARKS, ...REPORTS].filter((name) => filter.state.has(name));
  for (let index = 0; index < found.length; index++) {
    found[index] = Number(
      (!filter.state.size ||
        filter.state.has(columns.states[index]) ||
        marks.some((name) => columns[name][index])) &&
        (!filter.reason || columns.reasons[index] === filter.reason) &&
        (!filter.cause || columns.causes[index] === filter.cause) &&
        (!filter.failure || columns.failures[index] === filter.failure) &&
        (!find || columns.clusters[index].includes(find)) &&
        (!labelled || labelled[index]),
    );
  }
  return found;
}

/**
 * How often each value is in a column, the commonest first; null is left out, and so is whom the
 * labels leave out.
 */
export function tally(
  /** @type {(string | null)[]} */ values,
  /** @type {boolean[] | null} */ labelled,
) {
  const counts = new Map();
  values.forEach((value, index) => {
    if (value && (!labelled || labelled[index])) counts.set(value, (counts.get(value) ?? 0) + 1);
  });
  return [...counts].sort(([, one], [, other]) => other - one);
}
