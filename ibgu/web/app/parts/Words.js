/** A text for people, in which `this` is meant to be typed. */
import { html } from "../html.js";

const TYPED = /`([^`]+)`/;

export function Words({ text }) {
  return (text ?? "")
    .split(TYPED)
    .map((part, index) => (index % 2 ? html`<code key=${index}>${part}</code>` : part));
}
