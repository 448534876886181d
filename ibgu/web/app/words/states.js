/**
 * The states of a member: one name, one colour (by CSS variable), one symbol each.
 *
 * A symbol is a path in a box of 16 by 16, so that canvas and HTML draw the same one and no font
 * has to have it.
 *
 * @typedef {{ label: string, path: string, filled?: boolean }} State
 * @type {Record<string, State>}
 */
export const STATES = {
  failed: { label: "failed", path: "M4 4l8 8M12 4l-8 8" },
  takenOver: {
    label: "taken over",
    path: "M4 9V5M6.7 8V3M9.3 8V3M12 9V5M4 9c0 3 1.6 4.5 4 4.5s4-1.5 4-4.5",
  },
  held: { label: "held", path: "M5.5 3.5v9M10.5 3.5v9" },
  rebooting: { label: "rebooting", path: "M12.6 8a4.6 4.6 0 1 1-1.6-3.5M11.4 1.6v3.2H8.2" },
  running: { label: "running", path: "M4.5 2.5l9 5.5-9 5.5z", filled: true },
  probing: { label: "probing", path: "M8 4.5a3.5 3.5 0 1 0 .01 0" },
  waiting: { label: "waiting", path: "M8 2.8a5.2 5.2 0 1 0 .01 0M8 5v3.2l2.4 1.5" },
  cancelled: { label: "cancelled", path: "M8 2.8a5.2 5.2 0 1 0 .01 0M4.6 11.4l6.8-6.8" },
  skipped: { label: "skipped", path: "M4 8h8" },
  succeeded: { label: "succeeded", path: "M3 8.5l3.4 3.5L13 4.8" },
};

/** In the order of importance: what needs a person first. */
export const ORDER = Object.keys(STATES);

/**
 * No states but marks: the action, or the reason, has lasted longer than usual. A member may have
 * both. Filters and links name them as if they were states.
 */
export const STALLED = "stalled";
export const OVERDUE = "overdue";
export const MARKS = [STALLED, OVERDUE];

/** What clusters report once they are done. Filters and links name it as they name marks. */
export const WARNED = "warned";
export const ROLLBACK = "rollback";
export const REPORTS = [WARNED, ROLLBACK];

/** @type {Record<string, State & { title: string }>} */
const MARKED = {
  [STALLED]: {
    label: STALLED,
    path: "M8 4.2v4.6M8 11.7v.1",
    title: "The action takes longer than 95% of the runs on this hub (p95)",
  },
  [OVERDUE]: {
    label: OVERDUE,
    path: "M4.5 3.2h7L8 8zM8 8l3.5 4.8h-7z",
    title: "The cluster has waited for longer than usual: open its page to see what to check",
  },
  [WARNED]: {
    label: "with a warning",
    path: "M8 2.8l5.6 10.2H2.4zM8 6.6v3M8 11.2v.1",
    title: "The cluster completed an action with a warning",
  },
  [ROLLBACK]: {
    label: "can be rolled back",
    path: "M6.2 3.4L3.2 6.4l3 3M3.2 6.4h6.2a3 3 0 0 1 0 6H6.5",
    title: "The cluster can be rolled back until it is finalized, or its deadline has passed",
  },
};

export const markTitle = (/** @type {string} */ name) => MARKED[name]?.title ?? null;

/** The marks of one member. */
export const marksOf = (
  /** @type {{ stalled: boolean[], overdue: boolean[] }} */ columns,
  /** @type {number} */ index,
) => MARKS.filter((name) => columns[name][index]);

/** @param {string} name also one that this version does not know */
export function stateOf(name) {
  return STATES[name] ?? MARKED[name] ?? { label: spaced(name), path: "M8 7v2" };
}

/** Kinds of reasons that say less than what people know them by: a policy's name, or the words, stand beside it. */
const KNOWN_AS = { GateClosed: "held" };

/** "WaitingForSlot" -> "waiting for slot": kinds and causes are sentences without spaces. */
export function spaced(/** @type {string | null} */ name) {
  if (!name) return "";
  if (KNOWN_AS[name]) return KNOWN_AS[name];
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  return words
    .toLowerCase()
    .replace(/\btalm\b/g, "TALM")
    .replace(/\blca\b/g, "LCA");
}
