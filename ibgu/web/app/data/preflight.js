/** The preflight of a rollout's next step: asked once, and again on demand, as it reads the hub. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { useServices } from "./services.js";

/**
 * @typedef {object} Checked
 * @property {any} report the newest one; null: none came yet
 * @property {number | null} at when it came
 * @property {import("../rest/client.js").Problem | null} problem of the last try
 * @property {boolean} busy
 * @property {() => void} again
 */

const BLANK = { report: null, at: null, problem: null };

/** @returns {Checked} */
export function usePreflight(
  /** @type {{ namespace: string, name: string }} */ { namespace, name },
) {
  const { rest } = useServices();
  const [state, setState] = useState({ ...BLANK, busy: true });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    let stale = false;
    const show = (change) => !stale && setState((old) => ({ ...old, ...change, busy: false }));
    setState((old) => ({ ...old, busy: true }));
    rest.post("preflight", { namespace, name }).then(
      (report) => show({ report, at: rest.now(), problem: null }),
      (problem) => show({ problem }),
    );
    return () => {
      stale = true;
    };
  }, [rest, namespace, name, turn]);
  const again = useCallback(() => setTurn((number) => number + 1), []);
  return { ...state, again };
}
