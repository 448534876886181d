/** Orders of members: what needs someone comes first, unless another one is chosen. */
import { ORDER } from "../words/states.js";

/** @typedef {import("./filter.js").Columns} Columns */

export const WORST = "worst";
const LAST = "9999";
const NATURAL = new Intl.Collator("en", { numeric: true });
/** Right after those that have failed. */
const RANK_OF_STALLED = 0.5;
const RANK_OF_OVERDUE = 0.6;

/** @type {Record<string, (columns: Columns) => (one: number, other: number) => number>} */
const BY = {
  [WORST]: (columns) => {
    const ranks = columns.states.map((_, index) => rank(columns, index));
    return (one, other) => ranks[one] - ranks[other];
  },
  start: () => () => 0,
  name:
    ({ clusters }) =>
    (one, other) =>
      NATURAL.compare(clusters[one], clusters[other]),
  since:
    ({ since }) =>
    (one, other) => {
      const [first, second] = [since[one] ?? LAST, since[other] ?? LAST];
      return first < second ? -1 : Number(first > second);
    },
};

function rank(/** @type {Columns} */ { states, stalled, overdue }, /** @type {number} */ index) {
  if (stalled[index]) return RANK_OF_STALLED;
  if (overdue[index]) return RANK_OF_OVERDUE;
  const found = ORDER.indexOf(states[index]);
  return found < 0 ? ORDER.length : found;
}

/**
 * Of an address, like "name" or "-name" (the other way round); what is not known is the default.
 *
 * @returns {{ by: string, down: boolean }}
 */
export function orderOf(/** @type {string | undefined} */ text) {
  const down = text?.startsWith("-") ?? false;
  const by = (down ? text?.slice(1) : text) ?? "";
  return by in BY ? { by, down } : { by: WORST, down: false };
}

/** The address of a column's order; a second press turns it round. */
export function pressed(/** @type {string} */ by, /** @type {{ by: string, down: boolean }} */ now) {
  const turned = now.by === by && !now.down ? `-${by}` : by;
  return turned === WORST ? "" : turned;
}

/** The numbers of the members that match, in that order; equals stay in the order of start. */
export function sorted(
  /** @type {Columns} */ columns,
  /** @type {Uint8Array} */ matching,
  /** @type {{ by: string, down: boolean }} */ { by, down },
) {
  const found = [];
  for (let index = 0; index < matching.length; index++) if (matching[index]) found.push(index);
  const compare = BY[by](columns);
  const way = down ? -1 : 1;
  return found.sort((one, other) => way * (compare(one, other) || one - other));
}
