/** One cell a cluster. Pointing says why, a click or Enter opens the cluster, arrows move. */
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useColours } from "../theme.js";
import { html } from "../html.js";
import { cellAt, layoutOf, moved, placeOf } from "./layout.js";
import { codesOf, Painter } from "./painter.js";

/**
 * @param {{ states: string[], marks: Record<string, boolean[]>, matching: Uint8Array, label: string,
 *   told: (index: number) => any, said: (index: number) => string, open: (index: number) => void }} props
 *   told: what the tooltip shows; said: the same as one line, for a screen reader
 */
export function Grid({ states, marks, matching, label, told, said, open }) {
  const [frame, space] = useWidth();
  const [at, setAt] = useState(-1);
  const count = states.length;
  const layout = useMemo(() => layoutOf(count, space), [count, space]);
  const canvas = useCanvas(layout, states, marks, matching);
  const index = at < count ? at : -1;

  const point = (event) => setAt(cellAt(layout, event.offsetX, event.offsetY));
  const press = (event) => {
    const to = moved(layout, Math.max(0, index), event.key);
    if (to !== null) setAt(index < 0 ? 0 : to);
    else if (event.key === "Enter" && index >= 0) open(index);
    else if (event.key === "Escape") setAt(-1);
    else return;
    event.preventDefault();
  };
  return html`<div class="grid" ref=${frame}>
    <canvas
      ref=${canvas}
      tabindex="0"
      role="application"
      aria-roledescription="grid of clusters"
      aria-label=${`${label}. Arrow keys move, Enter opens the cluster.`}
      onPointerMove=${point}
      onPointerLeave=${() => setAt(-1)}
      onClick=${(event) => {
        const clicked = cellAt(layout, event.offsetX, event.offsetY);
        if (clicked >= 0) open(clicked);
      }}
      onFocus=${(event) => event.target.matches(":focus-visible") && index < 0 && setAt(0)}
      onBlur=${() => setAt(-1)}
      onKeyDown=${press}
    />
    ${index >= 0 && html`<${Cursor} layout=${layout} index=${index} told=${told} />`}
    <p class="unseen" aria-live="polite">${index >= 0 ? said(index) : ""}</p>
  </div>`;
}

function Cursor({ layout, index, told }) {
  const { x, y } = placeOf(layout, index);
  const right = x > layout.width / 2;
  const place = right ? { right: `calc(100% - ${x}px)` } : { left: `${x + layout.pitch + 4}px` };
  return html`<span
      class="cursor"
      style=${{ left: `${x}px`, top: `${y}px`, width: `${layout.size}px`, height: `${layout.size}px` }}
    />
    <div class="tooltip" aria-hidden="true" style=${{ top: `${y + layout.pitch + 4}px`, ...place }}>
      ${told(index)}
    </div>`;
}

/** Painted together with the numbers around it: a picture is never of another moment. */
function useCanvas(layout, states, marks, matching) {
  const canvas = useRef(null);
  const painter = useRef(null);
  const turn = useColours();
  useLayoutEffect(() => {
    painter.current = new Painter(canvas.current, layout, devicePixelRatio || 1);
  }, [layout, turn]);
  useLayoutEffect(() => {
    painter.current.paint(codesOf(states, marks, matching));
  }, [layout, turn, states, marks, matching]);
  return canvas;
}

function useWidth() {
  const ref = useRef(null);
  const [width, setWidth] = useState(800);
  useLayoutEffect(() => setWidth(Math.floor(ref.current.clientWidth)), []);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}
