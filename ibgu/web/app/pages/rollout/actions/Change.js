/** A change: first what would be done and as which kubectl line, then, if it is wanted, done. */
import { useRef, useState } from "preact/hooks";
import { html } from "../../../html.js";
import { Command } from "../../../parts/Copy.js";
import { Dialog } from "../../../parts/Dialog.js";
import { Words } from "../../../parts/Words.js";
import { rolloutPath } from "../../../rest/client.js";
import { rolloutLink } from "../../../route.js";
import { REVERSIBLE } from "../../../words/actions.js";
import { sentence } from "../../../words/format.js";
import { passes } from "./asking.js";
import { Confirm } from "./Confirm.js";
import { Outcome } from "./Outcome.js";
import { Preview, usePreview } from "./Preview.js";
import { useSecond, useSending, useTrial } from "./sending.js";

const SAFE = { danger: REVERSIBLE, lost: "" };
const NOTHING = { name: "", lost: "", clusters: null };

/** @param {{ change: import("./changes.js").Kind, rollout: any, onClose: () => void }} props */
export function Change({ change, rollout, onClose }) {
  const [body, setBody] = useState(change.start);
  const [typed, setTyped] = useState(NOTHING);
  const [done, setDone] = useState(null);
  const { namespace, name } = rollout;
  const path = rolloutPath({ namespace, name }, `/${change.path}`);
  const missing = change.missing(body);
  // The cluster's page does not know it: then the first answer says which rollout is meant.
  const pinned = useRef(rollout.uid ?? "");
  const trial = useTrial(path, pinned.current, missing || done ? null : body, change.state);
  pinned.current ||= trial.answer?.uid ?? "";
  const uid = pinned.current;
  // While the next trial runs, what the last one has said stays in sight.
  const last = useLast(missing || (trial.problem && !passes(trial.problem)) ? SAFE : trial.answer);
  const risk = last ?? { danger: change.danger, lost: "" };
  const step = change.step(body);
  const ofStep = usePreview(rollout, step);
  const preview = trial.answer?.preview ?? ofStep.found;
  const unanswered = trial.unanswered ?? ofStep.unanswered;
  const again = () => [trial, ofStep].forEach((asked) => asked.answer ?? asked.again());
  const { busy, problem, send } = useSending(path, uid, body, setDone);
  const first = done?.again ? rolloutPath({ namespace, name: done.rollout }) : null;
  const stopped = useSecond(path, uid, body, first, done?.lost ?? "", setDone);
  if (done)
    return html`<${Done} title=${change.title} rollout=${rollout} answer=${done} stopped=${stopped} onClose=${onClose} />`;

  const risky = risk.danger !== REVERSIBLE;
  const clusters =
    risk.clusters ?? preview?.steps.at(-1)?.clusters ?? change.clusters(body);
  // The name was typed for the words above it, and counts for no others.
  const more = typed.clusters !== null && clusters > typed.clusters;
  const given = typed.lost === risk.lost && !more ? typed.name : "";
  const confirmed = !risky || given === rollout.name;
  const why =
    missing ||
    ((unanswered || trial.problem?.status === 0) && "ibgu has not answered yet.") ||
    (trial.problem && !passes(trial.problem) && "Fix the problem above first.") ||
    ((!trial.answer || (step && !preview)) && "ibgu is checking what the change would do.") ||
    (!confirmed && `Type ${rollout.name} to confirm.`) ||
    "";
  const alter = (part) => {
    setBody({ ...body, ...part });
    setTyped(NOTHING);
  };
  const { Fields } = change;
  return html`<${Dialog} title=${change.title} stays=${busy} onClose=${onClose}>
    <${Fields} ...${change.given} body=${body} change=${alter} />
    ${(preview || (step && !unanswered)) && html`<${Preview} found=${preview} />`}
    ${(problem || !missing) && html`<${Outcome} asked=${trial} refused=${problem} unanswered=${unanswered} again=${again} />`}
    <div class="foot">
    ${risky && html`<${Confirm} name=${rollout.name} lost=${risk.lost} clusters=${clusters} typed=${given} type=${(text) => setTyped({ name: text, lost: risk.lost, clusters })} />`}
    <p id="why-not" class="quiet why-not" role="status">${busy ? "ibgu may take up to a minute." : why}</p>
    <div class="buttons">
      <button type="button" aria-disabled=${busy ? "true" : null} onClick=${() => !busy && onClose()}>Close</button>
      <button
        type="button"
        class=${`primary ${risk.danger}`}
        aria-disabled=${busy || why ? "true" : null}
        aria-describedby="why-not"
        onClick=${() => !busy && !why && send()}
      >
        ${busy ? "Sending…" : change.label(body, clusters)}
      </button>
    </div>
    </div>
  <//>`;
}

/** The value, or the last one that there was while there is none. */
function useLast(value) {
  const last = useRef(value);
  if (value !== null) last.current = value;
  return last.current;
}

function Done({ title, rollout, answer, stopped, onClose }) {
  const other = answer.rollout && answer.rollout !== rollout.name && answer.rollout;
  return html`<${Dialog} title=${title} onClose=${onClose}>
    <p class="notice done" role="status"><strong>${answer.again ? "Step 1 of 2." : "Done."}</strong> <${Words} text=${sentence(answer.done)} /></p>
    ${answer.again && html`<${Second} stopped=${stopped} />`}
    ${other && html`<p><a href=${rolloutLink({ namespace: rollout.namespace, name: other })} onClick=${onClose}>Follow ${other}</a></p>`}
    ${answer.kubectl && html`<${Command} line=${answer.kubectl} />`}
    <div class="buttons">
      <button type="button" class="primary" autofocus onClick=${onClose}>Close</button>
    </div>
  <//>`;
}

/** What becomes of the second request. */
function Second({ stopped }) {
  if (stopped)
    return html`<p class="notice bad" role="alert">The clusters are not retried. <${Words} text=${sentence(stopped.message)} /></p>`;
  return html`<p aria-busy="true">Keep this dialog open: the retry follows as soon as the abort is over. If you close it, press <em>Retry failed clusters…</em> again then.</p>`;
}
