/** What a rehearsal says, in words; its times are seconds from its beginning. */
import { clock, count, percent, plural, span } from "./format.js";

const LAST_MS = 8.64e15;

/** The time that is so many seconds after the beginning, as REST writes times. */
export function stampAt(/** @type {string} */ begin, /** @type {number} */ seconds) {
  return new Date(Math.min(LAST_MS, Date.parse(begin) + seconds * 1000)).toISOString();
}

/** "Dec 2, 04:50 to Dec 2, 05:40" */
export function bandWords(/** @type {string} */ begin, { p5, p95 }) {
  const [from, to] = [p5, p95].map((each) => clock(stampAt(begin, each)));
  return from === to ? from : `${from} to ${to}`;
}

/** "12 (10 to 31)" */
export function spreadWords({ p5, p50, p95 }) {
  const [low, middle, high] = [p5, p50, p95].map((each) => count(Math.round(each)));
  return low === high ? middle : `${middle} (${low} to ${high})`;
}

/** Of the runs. */
export const shareWords = (/** @type {number} */ share) =>
  share > 0 && share < 0.01 ? "less than 1%" : percent(share, 1);

/** What stops the rollout until a person acts, and how often; the most frequent first. */
export function holdWords({ trips, held }) {
  const stops = [...trips]
    .sort((one, other) => other.share - one.share)
    .map((trip) => ({ share: trip.share, words: tripWords(trip), policy: trip.policy }));
  const waits = held.find(({ by }) => by === "policy");
  if (!waits) return stops;
  const words =
    "policies never let some clusters start. The view Policies says what they hold, the preview of a step that has not begun names the clusters.";
  return [...stops, { share: waits.share, words, policy: "" }];
}

/** What a policy wants approved. */
export function approvalWords({ policy, step, before }) {
  const what =
    before === "Step"
      ? `step ${step}`
      : before === "Rest"
        ? `the rest of step ${step} behind its canaries`
        : `${before} of step ${step}`;
  return `RolloutPolicy ${policy} wants ${what} approved`;
}

function tripWords({ rule, policy, step, failed, started }) {
  const what = rule === "canaries" ? "a failed canary" : `the ${rule}`;
  const whose = policy ? ` of RolloutPolicy ${policy}` : "";
  return (
    `${what}${whose} stops step ${step}, with ${plural(Math.round(failed.p50), "cluster")} failed ` +
    `and ${spreadWords(started)} begun. A person has to resume it.`
  );
}

/** How much later the second plan ends than the first one. */
export function differenceWords(first, second) {
  const later = second.end.p50 - first.end.p50;
  if (Math.round(later) === 0) return "Both plans end at the same time.";
  return `${second.name || "The second plan"} ends ${span(Math.abs(later))} ${later > 0 ? "later" : "earlier"}.`;
}

/** In how many of the runs a person has to act. */
export const heldShare = ({ held }) => held.reduce((sum, { share }) => sum + share, 0);

/** Hours that all clusters wait for policies. */
export const hoursKept = ({ policies }) =>
  policies.reduce((sum, { hours }) => sum + hours.p50, 0);
