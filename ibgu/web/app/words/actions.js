/** Changes and actions in the words of buttons. */
import { capitalized, plural } from "./format.js";
import { spaced } from "./states.js";

/** Three dots: a form asks for more. */
export const LABELS = {
  pause: "Pause…",
  resume: "Resume",
  approve: "Approve…",
  retry: "Retry failed clusters…",
  "append-step": "Add step…",
  adopt: "Adopt from TALM…",
  skip: "Skip waiting clusters…",
  finalize: "Finalize…",
  cancel: "Cancel…",
  rollback: "Roll back…",
  "confirm-cleanup": "Confirm clean-up…",
};

export const REVERSIBLE = "reversible";
/** The mildest first, as REST orders them. */
const ORDER = [REVERSIBLE, "irreversible", "destructive"];

/** As a title, and in a sentence. */
export const titleOf = (/** @type {string} */ name) => (LABELS[name] ?? name).replace("…", "");

/** "Finalize upgrade on 120 clusters". @param {number | null} clusters null: unknown */
export function stepLabel(/** @type {string[]} */ actions, clusters) {
  const whom = clusters === null ? "" : plural(clusters, "cluster");
  if (actions.join() === "AbortOnFailure") return cleanUpLabel(clusters);
  const words = actions.map(spaced).join(", then ");
  return `${capitalized(words)}${whom && ` on ${whom}`}`;
}

/** "Clean up 3 failed clusters". @param {number | null} clusters */
export const cleanUpLabel = (clusters) =>
  `Clean up ${clusters === null ? "failed clusters" : plural(clusters, "failed cluster")}`;

/**
 * How dangerous a step of several actions is: as the worst of them.
 *
 * @param {string[]} actions
 * @param {Record<string, string>} dangers by action
 */
export const dangerOf = (actions, dangers) =>
  ORDER[Math.max(...actions.map((action) => ORDER.indexOf(dangers[action])))];
