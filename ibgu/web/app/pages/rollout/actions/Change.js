/** A change: first what would be done and as which kubectl line, then, if it is wanted, done. */
import { useEffect, useState } from "preact/hooks";
import { useServices } from "../../../data/services.js";
import { html } from "../../../html.js";
import { Command } from "../../../parts/Copy.js";
import { Dialog } from "../../../parts/Dialog.js";

const TYPING_MS = 300;

/**
 * @param {{ title: string, path: string, start: object, Fields: any, given?: any,
 *   danger?: boolean, onClose: () => void, children?: (body: object) => any }} props
 *   given: what the fields need to know; children: what is shown of the body besides
 */
export function Change({ title, path, start, Fields, given, danger, onClose, children }) {
  const [body, setBody] = useState(start);
  const [done, setDone] = useState(null);
  const trial = useTrial(path, body);
  const { busy, problem, send } = useSending(path, body, setDone);
  if (done) return html`<${Done} title=${title} answer=${done} onClose=${onClose} />`;
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <${Fields} body=${body} change=${(part) => setBody({ ...body, ...part })} given=${given} />
    ${children && children(body)}
    <${Outcome} answer=${trial.answer} problem=${problem ?? trial.problem} />
    <div class="buttons">
      <button type="button" onClick=${onClose}>Cancel</button>
      <button
        type="button"
        class=${danger ? "danger" : "primary"}
        disabled=${busy || !trial.answer}
        onClick=${send}
      >
        ${busy ? "Sending…" : "Do it"}
      </button>
    </div>
  <//>`;
}

function Outcome({ answer, problem }) {
  if (problem) return html`<p class="notice bad" role="alert">${problem.message}</p>`;
  if (!answer) return html`<p class="quiet" aria-busy="true">Asking what it would do…</p>`;
  return html`<p>${answer.done}</p>
    ${
      answer.kubectl &&
      html`<p class="quiet">The same by hand:</p>
      <${Command} line=${answer.kubectl} />`
    }`;
}

function Done({ title, answer, onClose }) {
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p class="notice done" role="status"><strong>Done.</strong> ${answer.done}</p>
    ${answer.kubectl && html`<${Command} line=${answer.kubectl} />`}
    <div class="buttons">
      <button type="button" class="primary" autofocus onClick=${onClose}>Close</button>
    </div>
  <//>`;
}

/** What the change would do, asked anew whenever the form changes. */
function useTrial(path, body) {
  const { rest } = useServices();
  const [state, setState] = useState({ answer: null, problem: null });
  const text = JSON.stringify(body);
  useEffect(() => {
    let stale = false;
    setState({ answer: null, problem: null });
    const timer = setTimeout(async () => {
      const found = await tried(() => rest.post(`${path}?dryRun=true`, body));
      if (!stale) setState(found);
    }, TYPING_MS);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [rest, path, text]);
  return state;
}

function useSending(path, body, done) {
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
