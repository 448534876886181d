/** How the step has gone: what is done over time, and the slots that were used. */
import { useMemo } from "preact/hooks";
import { html } from "../../html.js";
import { Chart } from "../../parts/Chart.js";
import { Empty } from "../../parts/Notice.js";
import { colours } from "../../theme.js";
import { clock, clockWithSeconds, count, day, hour } from "../../words/format.js";

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Seconds between two marks of the axis: no less than its labels can tell apart. */
const MARKS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 5, 10, 20, 50, 100].map((days) => days * DAY),
];

const FONT = "12px system-ui, sans-serif";
/** Pixels between a label and what is beside it. */
const APART = 18;
/** Of a label with its mark, in one line and in two. */
const LINE = 34;
const TWO_LINES = 52;

/** `total`: members of the step, the top of the left axis. */
export function Course({ timeline: { points, slots }, total }) {
  return html`<section class="card course" aria-labelledby="course">
    <h2 id="course">Done over time</h2>
    ${
      points.length
        ? html`<${Lines} points=${points} slots=${slots} total=${total} />`
        : html`<${Empty}>The step has not started.<//>`
    }
  </section>`;
}

function Lines({ points, slots, total }) {
  const data = useMemo(() => columns(points, slots), [points, slots]);
  const last = points[points.length - 1];
  const label =
    `At ${clock(last.at)}: ${count(last.succeeded)} succeeded, ${count(last.failed)} failed, ` +
    `${count(last.inFlight)} of ${count(slots)} slots used`;
  return html`<${Chart} options=${() => options(total)} data=${data} label=${label} shape=${`course ${total}`} />`;
}

function columns(points, slots) {
  return [
    points.map(({ at }) => Date.parse(at) / 1000),
    points.map(({ succeeded }) => succeeded),
    points.map(({ failed }) => failed),
    points.map(({ inFlight }) => inFlight),
    points.map(() => slots),
  ];
}

function options(total) {
  const found = colours(["quiet", "line", "good", "s-failed", "s-running"]);
  const axis = {
    stroke: found.quiet,
    grid: { stroke: found.line, width: 1 },
    ticks: { stroke: found.line },
    font: FONT,
    size: (_, values) => Math.ceil(widest(values ?? [])) + APART,
  };
  const timeAxis = {
    ...axis,
    space: widest(["00:00:00", day(0)]) + APART,
    size: (_, values) => (values?.some((each) => each.includes("\n")) ? TWO_LINES : LINE),
    values: times,
    incrs: MARKS,
  };
  const whole = (_, values) => values.map((each) => (Number.isInteger(each) ? count(each) : ""));
  const fromZero = (_, low, high) => [0, Math.max(1, high * 1.05)];
  const upToTotal = () => [0, Math.max(1, total)];
  /** No pointer: the newest one. */
  const value = (plot, each, series) => count(each ?? plot.data?.[series]?.at(-1) ?? 0);
  const line = (label, stroke, more = {}) => ({
    label,
    stroke,
    width: 2,
    value,
    points: { show: false },
    ...more,
  });
  return {
    cursor: { y: false, drag: { setScale: false } },
    legend: { markers: { dash: ({ series }, index) => (series[index].dash ? "dashed" : "solid") } },
    padding: [8, 0, 0, 0],
    scales: { y: { range: upToTotal }, slots: { range: fromZero } },
    axes: [
      timeAxis,
      { ...axis, values: whole },
      { ...axis, values: whole, scale: "slots", side: 1, grid: { show: false } },
    ],
    series: [
      {
        label: "at",
        value: (plot, each) => {
          const at = each ?? plot.data?.[0]?.at(-1);
          return at == null ? "–" : clock(new Date(at * 1000).toISOString());
        },
      },
      line("succeeded", found.good),
      line("failed", found["s-failed"], { dash: [10, 4] }),
      line("in flight", found["s-running"], { scale: "slots", width: 1.5 }),
      line("slots", found.quiet, { scale: "slots", width: 1, dash: [4, 4] }),
    ],
  };
}

/** With seconds where several marks fall into one minute; with the day where it is not today's. */
function times(_, values) {
  const apart = values.length > 1 ? values[1] - values[0] : MINUTE;
  const stamps = values.map((each) => each * 1000);
  const days = stamps.map(day);
  if (apart >= DAY) return days;
  const told = apart < MINUTE ? clockWithSeconds : hour;
  const dated = days.some((each) => each !== day(Date.now()));
  return stamps.map((each, index) =>
    dated && days[index] !== days[index - 1] ? `${told(each)}\n${days[index]}` : told(each),
  );
}

const ruler = new OffscreenCanvas(1, 1).getContext("2d");

/** Pixels of the longest text. */
function widest(/** @type {string[]} */ texts) {
  ruler.font = FONT;
  return Math.max(0, ...texts.map((each) => ruler.measureText(each).width));
}
