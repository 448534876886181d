/** A line for a terminal, with a button that copies it. */
import { useState } from "preact/hooks";
import { html } from "../html.js";

export function Command({ line }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(line);
    setCopied(true);
    setTimeout(() => setCopied(false), 2000);
  };
  return html`<div class="command">
    <code>${line}</code>
    <button type="button" class="small" onClick=${copy}>${copied ? "Copied" : "Copy"}</button>
  </div>`;
}
