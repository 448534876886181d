/** Draws cells from ready-made stamps, and only those that changed since the last time. */
import { placeOf } from "./layout.js";
import { colours } from "../theme.js";
import { ORDER, STALLED, STATES } from "../words/states.js";

const FADED = 128;
const MARKED = 64;
const FADED_ALPHA = 0.16;
const UNKNOWN = ORDER.length;
const NONE = 255;

/** What a cell shows: a state's number, with bits for the stalled and for those that the filter
 * leaves out. */
export function codesOf(
  /** @type {string[]} */ states,
  /** @type {boolean[]} */ stalled,
  /** @type {Uint8Array} */ matching,
) {
  const codes = new Uint8Array(states.length);
  for (let index = 0; index < codes.length; index++) {
    codes[index] =
      (NUMBERS.get(states[index]) ?? UNKNOWN) |
      (stalled[index] ? MARKED : 0) |
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
    this.colours = colours([...ORDER, STALLED].flatMap((name) => [`s-${name}`, `s-${name}-ink`]));
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
    const name = ORDER[code & ~(FADED | MARKED)] ?? "waiting";
    brush.globalAlpha = code & FADED ? FADED_ALPHA : 1;
    brush.scale(side / 16, side / 16);
    brush.fillStyle = this.colours[`s-${name}`];
    brush.beginPath();
    brush.roundRect(0, 0, 16, 16, 3);
    brush.fill();
    this.#symbol(brush, name);
    if (code & MARKED) this.#mark(brush);
    return stamp;
  }

  /** A dog-ear. */
  #mark(/** @type {OffscreenCanvasRenderingContext2D} */ brush) {
    brush.beginPath();
    brush.moveTo(7, 0);
    brush.lineTo(16, 0);
    brush.lineTo(16, 9);
    brush.closePath();
    brush.fillStyle = this.colours[`s-${STALLED}`];
    brush.strokeStyle = this.colours[`s-${STALLED}-ink`];
    brush.lineWidth = 1;
    brush.fill();
    brush.stroke();
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
