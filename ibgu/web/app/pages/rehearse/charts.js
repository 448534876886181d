/** Charts of distributions as SVG: their colours are those of the theme, light or dark. */
import { useEffect, useRef, useState } from "preact/hooks";
import { html } from "../../html.js";
import { clock, count } from "../../words/format.js";
import { stampAt } from "../../words/rehearsal.js";

const HEIGHT = 150;
const [LEFT, RIGHT, TOP, BOTTOM] = [52, 8, 8, 24];
const BARS = 40;
const USUAL_WIDTH = 600;

/** The width of its box, so that labels are as large on a phone as anywhere. */
function useWidth() {
  const box = useRef(null);
  const [width, setWidth] = useState(USUAL_WIDTH);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => setWidth(Math.floor(entry.contentRect.width)));
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  return { box, width: Math.max(200, width) };
}

const across = (width, share) => LEFT + share * (width - LEFT - RIGHT);
const up = (share) => HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM);

function Times({ width, from, to }) {
  const y = HEIGHT - 7;
  return html`<text x=${LEFT} y=${y}>${clock(from)}</text>
    <text x=${width - RIGHT} y=${y} text-anchor="end">${clock(to)}</text>`;
}

/** The top of the scale: a whole number that nothing is above but by rounding. */
const topOf = (/** @type {number[]} */ numbers) => Math.ceil(Math.max(1, ...numbers) - 1e-6);

function Marks({ width, most }) {
  const marks = [...new Set([0, Math.floor(most / 2), most])];
  return marks.map((each) => {
    const y = up(each / most);
    return html`<g key=${each}>
      <line class="mark" x1=${LEFT} x2=${width - RIGHT} y1=${y} y2=${y} />
      <text x=${LEFT - 6} y=${y + 4} text-anchor="end">${count(each)}</text>
    </g>`;
  });
}

/** A number over time: the band of nine of ten runs, and the median as a line.
 *
 * @param {{ begin: string, points: { at: number, p5: number, p50: number, p95: number }[],
 *   until: number, label: string }} props until: the end of the last interval
 */
export function BandChart({ begin, points, until, label }) {
  const { box, width } = useWidth();
  const most = topOf(points.map(({ p95 }) => p95));
  const last = Math.max(until, points[points.length - 1].at + 1);
  const x = (at) => across(width, at / last).toFixed(1);
  const steps = (key) =>
    points.map((each, index) => {
      const y = up(each[key] / most).toFixed(1);
      return `${x(each.at)},${y} ${x(points[index + 1]?.at ?? last)},${y}`;
    });
  const upper = steps("p95");
  const lower = steps("p5").map((each) => each.split(" ").reverse().join(" "));
  return html`<div class="band" ref=${box}>
    <svg width=${width} height=${HEIGHT} role="img" aria-label=${label}>
      <${Marks} width=${width} most=${most} />
      <polygon class="likely" points=${[...upper, ...lower.reverse()].join(" ")} />
      <polyline class="middle" points=${steps("p50").join(" ")} />
      <${Times} width=${width} from=${begin} to=${stampAt(begin, last)} />
    </svg>
  </div>`;
}

/** How many of the runs end at which time. */
export function EndsChart({ begin, ends, label }) {
  const { box, width } = useWidth();
  const [first, last] = [ends[0], ends[ends.length - 1]];
  const bars = Array(BARS).fill(0);
  for (const each of ends)
    bars[Math.min(BARS - 1, Math.floor(((each - first) / Math.max(1, last - first)) * BARS))] += 1;
  const most = topOf(bars);
  const wide = (width - LEFT - RIGHT) / BARS;
  return html`<div class="band" ref=${box}>
    <svg width=${width} height=${HEIGHT} role="img" aria-label=${label}>
      <${Marks} width=${width} most=${most} />
      ${bars.map((each, index) => {
        const y = up(each / most);
        return html`<rect key=${index} class="middle" x=${LEFT + index * wide} y=${y} width=${Math.max(1, wide - 1)} height=${up(0) - y} />`;
      })}
      <${Times} width=${width} from=${stampAt(begin, first)} to=${stampAt(begin, last)} />
    </svg>
  </div>`;
}

/** A bar from the earliest likely end to the latest one, on the time of the whole plan. */
export function RangeBar({ end: { p5, p50, p95 }, longest, label }) {
  const share = (seconds) => `${(100 * seconds) / Math.max(1, longest)}%`;
  return html`<span class="range" role="img" aria-label=${label}>
    <span class="likely" style=${{ left: share(p5), width: share(p95 - p5) }} />
    <span class="middle" style=${{ left: share(p50) }} />
  </span>`;
}
