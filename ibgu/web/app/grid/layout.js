/** How large a cell is and where it stands: as large as the space allows, in rows like text. */

const SIZES = [28, 24, 20, 17, 15, 13, 12, 11, 10, 9, 8, 7];
const HEIGHT = 500;

/**
 * @typedef {{ count: number, columns: number, rows: number, pitch: number, size: number,
 *   width: number, height: number }} Layout pixels of the page; `pitch`: a cell with its gap
 * @returns {Layout}
 */
export function layoutOf(/** @type {number} */ count, /** @type {number} */ space) {
  const fits = (/** @type {number} */ pitch) =>
    Math.ceil(count / Math.max(1, Math.floor(space / pitch))) * pitch <= HEIGHT;
  const pitch = SIZES.find(fits) ?? SIZES[SIZES.length - 1];
  const columns = Math.max(1, Math.floor(space / pitch));
  const rows = Math.ceil(count / columns);
  const size = pitch - (pitch > 9 ? 2 : 1);
  return { count, columns, rows, pitch, size, width: columns * pitch, height: rows * pitch };
}

export function placeOf(/** @type {Layout} */ { columns, pitch }, /** @type {number} */ index) {
  return { x: (index % columns) * pitch, y: Math.floor(index / columns) * pitch };
}

/** -1: no cell is there. */
export function cellAt(
  /** @type {Layout} */ { columns, pitch, count },
  /** @type {number} */ x,
  /** @type {number} */ y,
) {
  const column = Math.floor(x / pitch);
  const index = Math.floor(y / pitch) * columns + column;
  return x >= 0 && y >= 0 && column < columns && index < count ? index : -1;
}

/** Where a key takes one from a cell; null: it is no key of the grid. */
export function moved(
  /** @type {Layout} */ { columns, count },
  /** @type {number} */ index,
  /** @type {string} */ key,
) {
  const steps = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -columns,
    ArrowDown: columns,
    Home: -count,
    End: count,
  };
  const by = steps[key];
  if (by === undefined) return null;
  const to = index + by;
  if (Math.abs(by) === columns && (to < 0 || to >= count)) return index;
  return Math.min(count - 1, Math.max(0, to));
}
