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
 * @property {() => void} inspect reads the clusters themselves before
 */

/** Milliseconds between two questions whether clusters were inspected. */
const INSPECTING = 5_000;

const BLANK = { report: null, at: null, problem: null };

/** @returns {Checked} */
export function usePreflight(
  /** @type {{ namespace: string, name: string }} */ { namespace, name },
) {
  const { rest } = useServices();
  const [state, setState] = useState({ ...BLANK, busy: true });
  const [turn, setTurn] = useState({ inspect: false });
  const again = useCallback(() => setTurn({ inspect: false }), []);
  const inspect = useCallback(() => setTurn({ inspect: true }), []);
  useEffect(() => {
    let stale = false;
    const show = (change) => !stale && setState((old) => ({ ...old, ...change, busy: false }));
    let timer = 0;
    const body = turn.inspect ? { namespace, name, inspect: true } : { namespace, name };
    setState((old) => ({ ...old, busy: true }));
    rest.post("preflight", body).then(
      (report) => {
        show({ report, at: rest.now(), problem: null });
        if (report.inspecting && !stale) timer = window.setTimeout(again, INSPECTING);
      },
      (problem) => show({ problem }),
    );
    return () => {
      stale = true;
      window.clearTimeout(timer);
    };
  }, [rest, namespace, name, turn, again]);
  return { ...state, again, inspect };
}
