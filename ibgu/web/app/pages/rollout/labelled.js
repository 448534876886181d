/** Which clusters have the labels that are asked for: the hub's answer, not the page's. */
import { useMemo } from "preact/hooks";
import { useBody } from "../../data/watch.js";
import { query, rolloutPath } from "../../rest/client.js";

const GAP_MS = 5000;

/** `label`: empty, all. */
export function useLabelled(rollout, /** @type {number} */ step, /** @type {string} */ label) {
  const path = rolloutPath(rollout, `/grid${query({ step, label })}`);
  const { body, problem } = useBody(label ? path : null, { gap: GAP_MS });
  const clusters = useMemo(() => new Set(body?.clusters ?? []), [body]);
  return { clusters, problem: label ? problem : null };
}
