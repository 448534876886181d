/** Draws cells from ready-made stamps, and only those that changed since the last time. */
import { placeOf } from "./layout.js";
import { colours } from "../theme.js";
import { MARKS, ORDER, OVERDUE, STALLED, STATES } from "../words/states.js";

const FADED = 128;
/** The bits of a cell's marks, and their corners. */
const MARKED = { [STALLED]: 64, [OVERDUE]: 32 };
const CORNERS = {
  [STALLED]: "M7 0H16V9Z",
  [OVERDUE]: "M16 7V16H7Z",
};
const MASK = 31;
const FADED_ALPHA = 0.16;
const UNKNOWN = ORDER.length;
const NONE = 255;

/** What a cell shows: a state's number, with bits for its marks and for those that the filter
 * leaves out. */
export function codesOf(
  /** @type {string[]} */ states,
  /** @type {Record<string, boolean[]>} */ marks,
  /** @type {Uint8Array} */ matching,
) {
  const codes = new Uint8Array(states.length);
  for (let index = 0; index < codes.length; index++) {
    codes[index] =
      (NUMBERS.get(states[index]) ?? UNKNOWN) |
      (marks[STALLED][index] ? MARKED[STALLED] : 0) |
      (marks[OVERDUE][index] ? MARKED[OVERDUE] : 0) |
      (matching[index] ? 0 : FADED);
  }
  return codes;
}

const NUMBERS = new Map(ORDER.map((name, number) => [name, number]));

export class Painter {
  #drawn = new Uint8Array(0);
  /** @type {Map<number, OffscreenCanvas>} */
  #stamps = new Map();

  constructor(
    /** @type {HTMLCanvasElement} */ canvas,
    /** @type {import("./layout.js").Layout} */ layout,
    /** @type {number} */ ratio,
  ) {
    this.layout = layout;
    this.ratio = ratio;
    canvas.width = Math.round(layout.width * ratio);
    canvas.height = Math.round(layout.height * ratio);
    canvas.style.width = `${layout.width}px`;
    canvas.style.height = `${layout.height}px`;
    this.brush = canvas.getContext("2d");
    this.colours = colours([...ORDER, ...MARKS].flatMap((name) => [`s-${name}`, `s-${name}-ink`]));
    this.#drawn = new Uint8Array(layout.count).fill(NONE);
  }

  paint(/** @type {Uint8Array} */ codes) {
    const { ratio, layout, brush } = this;
    const side = Math.ceil(layout.pitch * ratio);
    for (let index = 0; index < layout.count; index++) {
      if (codes[index] === this.#drawn[index]) continue;
      const place = placeOf(layout, index);
      const x = Math.round(place.x * ratio);
      const y = Math.round(place.y * ratio);
      brush.clearRect(x, y, side, side);
      brush.drawImage(this.#stamp(codes[index]), x, y);
    }
    this.#drawn = codes;
  }

  #stamp(/** @type {number} */ code) {
    const found = this.#stamps.get(code) ?? this.#cut(code);
    this.#stamps.set(code, found);
    return found;
  }

  #cut(/** @type {number} */ code) {
    const side = Math.round(this.layout.size * this.ratio);
    const stamp = new OffscreenCanvas(side, side);
    const brush = stamp.getContext("2d");
    const name = ORDER[code & MASK] ?? "waiting";
    brush.globalAlpha = code & FADED ? FADED_ALPHA : 1;
    brush.scale(side / 16, side / 16);
    brush.fillStyle = this.colours[`s-${name}`];
    brush.beginPath();
    brush.roundRect(0, 0, 16, 16, 3);
    brush.fill();
    this.#symbol(brush, name);
    for (const mark of MARKS) if (code & MARKED[mark]) this.#mark(brush, mark);
    return stamp;
  }

  /** A dog-ear: at the top right, or at the bottom right. */
  #mark(/** @type {OffscreenCanvasRenderingContext2D} */ brush, /** @type {string} */ name) {
    const corner = new Path2D(CORNERS[name]);
    brush.fillStyle = this.colours[`s-${name}`];
    brush.strokeStyle = this.colours[`s-${name}-ink`];
    brush.lineWidth = 1;
    brush.fill(corner);
    brush.stroke(corner);
  }

  #symbol(/** @type {OffscreenCanvasRenderingContext2D} */ brush, /** @type {string} */ name) {
    const { path, filled } = STATES[name];
    const ink = this.colours[`s-${name}-ink`];
    brush.lineWidth = 2.4;
    brush.lineCap = brush.lineJoin = "round";
    brush.fillStyle = brush.strokeStyle = ink;
    if (filled) brush.fill(new Path2D(path));
    else brush.stroke(new Path2D(path));
  }
}
