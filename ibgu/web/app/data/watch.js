/** A body that is kept up to date: asked again when something happened, and now and then. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { useServices } from "./services.js";

const POLL_MS = 2000;
/** With a stream, for what changes without an event: last words, reboots, forecasts. */
const QUIET_MS = 5000;
/** How long a question may stay without an answer before the page says so; it usually takes far less than a second. */
export const SLOW_MS = 8000;
/** The status of a question that is wrong itself, and will be: it is not asked again. */
export const USELESS = 422;

/**
 * @typedef {object} Watched
 * @property {any} body null: nothing came yet
 * @property {import("../rest/client.js").Problem | null} problem of the last try
 * @property {number | null} at when the body came
 * @property {number | null} unanswered since when a question waits for its answer; null: not for long
 * @property {() => void} again ask now
 */

/**
 * @param {string | null} path null: nothing to ask
 * @param {{ gap?: number, concerns?: (event: any) => boolean }} options gap: milliseconds between two
 *   questions, at least; concerns: which events change the body
 * @returns {Watched}
 */
export function useBody(path, { gap = 1000, concerns = () => true } = {}) {
  const { rest, live } = useServices();
  const [state, setState] = useState(blank(path));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    if (path === null) return undefined;
    setState((old) => (old.path === path ? old : blank(path)));
    return watch(path, { rest, live, gap, concerns, show: setState });
  }, [path, rest, live, turn]);
  const again = useCallback(() => setTurn((number) => number + 1), []);
  const shown = state.path === path ? state : blank(path);
  return { ...shown, again };
}

const blank = (/** @type {string | null} */ path) => ({
  path,
  body: null,
  problem: null,
  at: null,
  unanswered: null,
});

function watch(path, { rest, live, gap, concerns, show }) {
  const ending = new AbortController();
  let timer = 0;
  let waiting = 0;
  let asked = 0;
  let asking = false;
  let missed = false;
  let useless = false;

  async function ask() {
    let failed = false;
    let behind = false;
    asked = Date.now();
    asking = true;
    missed = false;
    const since = rest.now();
    waiting = setTimeout(() => show((old) => ({ ...old, path, unanswered: since })), SLOW_MS);
    try {
      const body = await rest.get(path, ending.signal);
      behind = body?.seq < live.heard;
      show({ path, body, problem: null, at: rest.now(), unanswered: null });
    } catch (problem) {
      failed = true;
      useless = problem.status === USELESS;
      if (!ending.signal.aborted) show((old) => ({ ...old, path, problem, unanswered: null }));
    }
    clearTimeout(waiting);
    asking = false;
    if (!ending.signal.aborted) plan(missed || behind ? gap : live.connected && !failed ? QUIET_MS : POLL_MS);
  }

  /** The next question, `ms` after the last one at the earliest. */
  function plan(/** @type {number} */ ms) {
    clearTimeout(timer);
    if (!document.hidden && !useless)
      timer = setTimeout(ask, Math.max(0, asked + Math.max(ms, gap) - Date.now()));
  }

  function happened(/** @type {any} */ event) {
    if (event && !concerns(event)) return;
    if (asking) missed = true;
    else plan(gap);
  }

  const seen = () => !document.hidden && !asking && plan(0);
  const deaf = live.listen(happened);
  document.addEventListener("visibilitychange", seen);
  ask();
  return () => {
    ending.abort();
    clearTimeout(timer);
    clearTimeout(waiting);
    deaf();
    document.removeEventListener("visibilitychange", seen);
  };
}

/** The time by the server's clock, again every `ms`. */
export function useNow(ms = 1000) {
  const { rest } = useServices();
  const [now, setNow] = useState(rest.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(rest.now()), ms);
    return () => clearInterval(timer);
  }, [rest, ms]);
  return now;
}
