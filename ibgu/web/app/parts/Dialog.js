/** A modal dialog: the browser's own, which keeps the focus inside and closes with Escape. */
import { useEffect, useRef } from "preact/hooks";
import { html } from "../html.js";

/** `stays`: Escape does not close it now. */
export function Dialog({ title, onClose, stays = false, children }) {
  const ref = useRef(null);
  useEffect(() => ref.current.showModal(), []);
  const cancel = (event) => stays && event.preventDefault();
  return html`<dialog ref=${ref} aria-labelledby="dialog-title" onCancel=${cancel} onClose=${onClose}>
    <h2 id="dialog-title">${title}</h2>
    ${children}
  </dialog>`;
}
