/** A text for people, in which `this` is meant to be typed. */
import { html } from "../html.js";

const TYPED = /`([^`]+)`/;
/** Of a text that was cut, the other one may be missing. */
const ALONE = /`/g;

export function Words({ text }) {
  return (text ?? "")
    .split(TYPED)
    .map((part, index) =>
      index % 2 ? html`<code key=${index}>${part}</code>` : part.replace(ALONE, "'"),
    );
}

/** The same where there can be no markup: in a title. */
export const plain = (/** @type {string} */ text) => text.replace(ALONE, "");
