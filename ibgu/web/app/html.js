/** htm bound to preact: `html` is what all components are written in. */
import { h } from "preact";
import htm from "htm";

export const html = htm.bind(h);
