/** A modal dialog: the browser's own, which keeps the focus inside and closes with Escape. */
import { useEffect, useRef } from "preact/hooks";
import { html } from "../html.js";

export function Dialog({ title, onClose, children }) {
  const ref = useRef(null);
  useEffect(() => ref.current.showModal(), []);
  return html`<dialog ref=${ref} aria-labelledby="dialog-title" onClose=${onClose}>
    <h2 id="dialog-title">${title}</h2>
    ${children}
  </dialog>`;
}
