// One tab stop for the whole grid; keys move it along the images, also to those that are not drawn yet.

/** @typedef {{count: number, columns: number, rows: number}} GridSize rows: those that fit on the screen */

const MOVES = ["ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp", "PageDown", "PageUp", "Home", "End"];

/**
 * The position of the image that a key moves to, null for a key that does not move.
 * @param {string} key
 * @param {number} at
 * @param {GridSize} size
 */
export function nextPosition(key, at, { count, columns, rows }) {
  if (!count || !MOVES.includes(key)) return null;
  const last = count - 1;
  if (key === "Home") return 0;
  if (key === "End") return last;
  if (key === "ArrowRight") return Math.min(last, at + 1);
  if (key === "ArrowLeft") return Math.max(0, at - 1);
  const step = columns * (key.startsWith("Page") ? Math.max(1, rows) : 1);
  return key.endsWith("Down") ? down(at, step, last, columns) : up(at, step, columns);
}

/**
 * `step` images further; from a row above the last one at least to the last row.
 * @param {number} at
 * @param {number} step
 * @param {number} last
 * @param {number} columns
 */
function down(at, step, last, columns) {
  if (at + step <= last) return at + step;
  const rowsLeft = Math.floor(last / columns) - Math.floor(at / columns);
  return Math.min(last, at + rowsLeft * columns);
}

/**
 * @param {number} at
 * @param {number} step
 * @param {number} columns
 */
function up(at, step, columns) {
  return at - step >= 0 ? at - step : at % columns;
}
