/** A rehearsal: asked for once, and given up when it is not waited for any more. */
import { useEffect, useRef, useState } from "preact/hooks";
import { useServices } from "./services.js";

/**
 * @typedef {object} Rehearsing
 * @property {{ asked: any, found: any } | null} answer the newest one, and what it is the answer to
 * @property {import("../rest/client.js").Problem | null} problem of the last try
 * @property {number | null} since when ibgu has been rehearsing; null: it is not
 * @property {(asked: any) => void} start
 * @property {() => void} stop
 */

const IDLE = { problem: null, since: null };

/** @returns {Rehearsing} */
export function useRehearsal() {
  const { rest } = useServices();
  const [state, setState] = useState({ answer: null, ...IDLE });
  const asking = useRef(/** @type {AbortController | null} */ (null));
  const stop = () => {
    asking.current?.abort();
    asking.current = null;
    setState((old) => ({ ...old, since: null }));
  };
  const start = async (asked) => {
    asking.current?.abort();
    const ending = new AbortController();
    asking.current = ending;
    setState((old) => ({ ...old, problem: null, since: rest.now() }));
    try {
      const found = await rest.post("rehearsal", asked.body, ending.signal);
      if (!ending.signal.aborted) setState({ answer: { asked, found }, ...IDLE });
    } catch (problem) {
      if (!ending.signal.aborted) setState((old) => ({ ...old, ...IDLE, problem }));
    }
  };
  useEffect(() => () => asking.current?.abort(), []);
  return { ...state, start, stop };
}
