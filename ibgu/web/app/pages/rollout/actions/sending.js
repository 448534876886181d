/** A change as a request: tried by the hub whenever the form changes, then sent. */
import { useEffect, useState } from "preact/hooks";
import { useServices } from "../../../data/services.js";
import { query } from "../../../rest/client.js";
import { AGAIN_MS, limited, passes, tried, useAnswer } from "./asking.js";

/** Milliseconds after which a change counts as unanswered: the dialog can't be closed before. */
const ANSWER_MS = 60_000;
const MAYBE = "; it may have made the change: close this dialog and look, before you repeat it";
/** How long the first request may stay without effect once its rollout is over. */
const SETTLING_MS = 60_000;
const NO_EFFECT = "the rollout that aborts them is over, and some of them are still not back at Idle";
const MORE_LOST = "what can't be undone has changed meanwhile; press Retry failed clusters… again to see it";
/** How long REST may not know a rollout yet that was just made. */
const UNKNOWN_MS = 30_000;
const NOT_FOUND = 404;
const OVER = ["Completed", "CompletedWithFailures"];

/**
 * What the change would do.
 *
 * @param {string} path
 * @param {string} uid the rollout's; empty: the newest of its name, which the first answer names
 * @param {object | null} body null: nothing is to be asked
 * @param {string} state of the rollout: when it changes, the answer is old
 * @returns {import("./asking.js").Asked}
 */
export function useTrial(path, uid, body, state) {
  const { rest } = useServices();
  const ask = (/** @type {AbortSignal} */ signal) =>
    rest.post(`${path}${query({ dryRun: true, uid })}`, body, signal);
  // Not of the uid: once it is known, the answer that named it still counts.
  return useAnswer(JSON.stringify([path, body, state]), body && ask);
}

export function useSending(
  /** @type {string} */ path,
  /** @type {string} */ uid,
  /** @type {object} */ body,
  /** @type {(answer: any) => void} */ done,
) {
  const { rest } = useServices();
  const text = JSON.stringify(body);
  const [busy, setBusy] = useState(false);
  const [failed, setFailed] = useState({ text: "", problem: null });
  const send = async () => {
    setBusy(true);
    const limit = AbortSignal.timeout(ANSWER_MS);
    const found = await tried(() => rest.post(`${path}${query({ uid })}`, body, limit));
    setBusy(false);
    setFailed({ text, problem: found.problem && sent(found.problem) });
    if (found.answer) done(found.answer);
  };
  return { busy, problem: failed.text === text ? failed.problem : null, send };
}

/**
 * Sends the second request of a change that takes two, once the rollout of the first one is over:
 * the same body again.
 *
 * @param {string} path
 * @param {string} uid the rollout's; empty: the newest of its name
 * @param {object} body
 * @param {string | null} first the path of the rollout that comes first; null: there is none
 * @param {string} lost what was confirmed; if the second request would lose more, it is not sent
 * @param {(answer: any) => void} done
 * @returns {Error | null} why there is no second request
 */
export function useSecond(path, uid, body, first, lost, done) {
  const { rest } = useServices();
  const [problem, setProblem] = useState(null);
  useEffect(() => {
    if (first === null) return undefined;
    const ending = new AbortController();
    let timer = 0;
    let over = 0;
    let known = false;
    const began = Date.now();
    const soon = () => !known && Date.now() - began < UNKNOWN_MS;
    const look = async () => {
      try {
        const { phase } = await rest.get(first, ending.signal);
        known = true;
        over = OVER.includes(phase) ? over || Date.now() : 0;
        // The hub may not show the first request's effect yet: then it would be made once more.
        const next = over && (await rest.post(`${path}${query({ dryRun: true, uid })}`, body, limited(ending.signal)));
        if (next && !next.again && !ending.signal.aborted) {
          if (!lost.includes(next.lost)) return setProblem(new Error(MORE_LOST));
          return done(await rest.post(`${path}${query({ uid })}`, body));
        }
        if (over && Date.now() - over > SETTLING_MS) return setProblem(new Error(NO_EFFECT));
      } catch (error) {
        if (ending.signal.aborted) return undefined;
        const unknown = error.status === NOT_FOUND && soon();
        const waits = unknown || passes(error) || (error.status === 409 && over);
        if (!waits || (over && Date.now() - over > SETTLING_MS)) return setProblem(error);
      }
      if (!ending.signal.aborted) timer = setTimeout(look, AGAIN_MS);
      return undefined;
    };
    timer = setTimeout(look, AGAIN_MS);
    return () => {
      ending.abort();
      clearTimeout(timer);
    };
  }, [rest, path, uid, first]);
  return problem;
}

/** The problem of a change that was sent: without an answer nobody knows what became of it. */
function sent(problem) {
  return problem.status === 0 ? new Error(`${problem.message}${MAYBE}`) : problem;
}
