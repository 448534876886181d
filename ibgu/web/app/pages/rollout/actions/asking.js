/** What ibgu is asked while a form is open: what the change would do, before it is sent. */
import { useCallback, useEffect, useState } from "preact/hooks";
import { useServices } from "../../../data/services.js";
import { SLOW_MS } from "../../../data/watch.js";

const TYPING_MS = 300;
export const AGAIN_MS = 2000;
/** Milliseconds after which a question that changes nothing is given up, and asked again. */
const LIMIT_MS = 30_000;
/** Statuses of problems that pass. */
const PASSING = [0, 429, 503];
export const passes = (/** @type {any} */ problem) => PASSING.includes(problem.status);
const BLANK = { answer: null, problem: null, unanswered: null };

/**
 * @typedef {object} Asked
 * @property {any} answer null: none yet
 * @property {any} problem of the last try
 * @property {number | null} unanswered since when there is no answer; null: not for long
 * @property {() => void} again ask now
 */

/**
 * Asks once the user has stopped typing, and again when a problem passes.
 *
 * @param {string} text what is asked: when it changes, the answer is old
 * @param {((signal: AbortSignal) => Promise<any>) | null} ask null: nothing is to be asked
 * @returns {Asked}
 */
export function useAnswer(text, ask) {
  const { rest } = useServices();
  const [turn, setTurn] = useState(0);
  const [last, setLast] = useState({ text: "", ...BLANK });
  const nothing = ask === null;
  useEffect(() => {
    if (nothing) return undefined;
    const ending = new AbortController();
    let timer = 0;
    let slow = 0;
    let since = null;
    const look = async () => {
      since ??= rest.now();
      slow = setTimeout(() => setLast({ text, ...BLANK, unanswered: since }), SLOW_MS);
      const found = await tried(() => ask(limited(ending.signal)));
      clearTimeout(slow);
      if (ending.signal.aborted) return;
      if (found.problem?.status !== 0) since = null;
      setLast({ text, ...found, unanswered: null });
      if (found.problem && passes(found.problem)) timer = setTimeout(look, AGAIN_MS);
    };
    timer = setTimeout(look, TYPING_MS);
    return () => {
      ending.abort();
      clearTimeout(timer);
      clearTimeout(slow);
    };
  }, [rest, text, nothing, turn]);
  const again = useCallback(() => {
    setLast({ text: "", ...BLANK });
    setTurn((number) => number + 1);
  }, []);
  return { ...(last.text === text ? last : BLANK), again };
}

/** The signal, which also ends a question that hangs. */
export const limited = (/** @type {AbortSignal} */ signal) =>
  AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);

export async function tried(/** @type {() => Promise<any>} */ ask) {
  try {
    return { answer: await ask(), problem: null };
  } catch (problem) {
    return { answer: null, problem };
  }
}
