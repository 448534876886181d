/** A change as a request: tried by the hub whenever the form changes, then sent. */
import { useEffect, useState } from "preact/hooks";
import { useServices } from "../../../data/services.js";

export const TYPING_MS = 300;
const BLANK = { answer: null, problem: null };

/** What the change would do. @param {object | null} body null: nothing is to be asked yet */
export function useTrial(/** @type {string} */ path, body) {
  const { rest } = useServices();
  const text = JSON.stringify(body);
  const [state, setState] = useState({ text: "", ...BLANK });
  useEffect(() => {
    if (body === null) return undefined;
    let stale = false;
    const timer = setTimeout(async () => {
      const found = await tried(() => rest.post(`${path}?dryRun=true`, body));
      if (!stale) setState({ text, ...found });
    }, TYPING_MS);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [rest, path, text]);
  return state.text === text ? state : BLANK;
}

export function useSending(
  /** @type {string} */ path,
  /** @type {object} */ body,
  /** @type {(answer: any) => void} */ done,
) {
  const { rest } = useServices();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState(null);
  const send = async () => {
    setBusy(true);
    const found = await tried(() => rest.post(path, body));
    setBusy(false);
    setProblem(found.problem);
    if (found.answer) done(found.answer);
  };
  return { busy, problem, send };
}

async function tried(ask) {
  try {
    return { answer: await ask(), problem: null };
  } catch (problem) {
    return { answer: null, problem };
  }
}
