// Decode COCO run-length masks to pixels, and to outlines along the edges of the pixels.

/**
 * @typedef {{x: number, y: number, width: number, height: number, pixels: Uint8Array}} MaskPixels
 * Pixels inside the extents of a mask plus a border of one empty pixel; x and y are the position in the image.
 */

/**
 * Run lengths of a compressed COCO mask: background first, column by column. Source: cocoapi maskApi.c.
 * @param {string} counts
 */
export function runLengths(counts) {
  /** @type {number[]} */
  const runs = [];
  let at = 0;
  while (at < counts.length) {
    let value = 0;
    let shift = 0;
    let more = true;
    while (more) {
      const bits = counts.charCodeAt(at++) - 48;
      value |= (bits & 31) << shift;
      shift += 5;
      more = (bits & 32) !== 0;
      if (!more && bits & 16 && shift < 32) value |= -1 << shift;
    }
    if (runs.length > 2) value += runs[runs.length - 2];
    runs.push(value);
  }
  return runs;
}

/**
 * @param {string} counts
 * @param {number} imageHeight
 * @returns {MaskPixels}
 */
export function maskPixels(counts, imageHeight) {
  const runs = runLengths(counts);
  /** @type {[column: number, first: number, length: number][]} */
  const columns = [];
  let position = 0;
  let top = Infinity;
  let bottom = -1;
  runs.forEach((length, i) => {
    if (i % 2 === 1) {
      for (let left = length, start = position; left > 0;) {
        const y = start % imageHeight;
        const part = Math.min(left, imageHeight - y);
        columns.push([Math.floor(start / imageHeight), y, part]);
        top = Math.min(top, y);
        bottom = Math.max(bottom, y + part);
        start += part;
        left -= part;
      }
    }
    position += length;
  });
  if (!columns.length) return { x: 0, y: 0, width: 0, height: 0, pixels: new Uint8Array(0) };
  const x = columns[0][0] - 1;
  const y = top - 1;
  const width = columns[columns.length - 1][0] - x + 2;
  const height = bottom - y + 1;
  const pixels = new Uint8Array(width * height);
  for (const [column, first, length] of columns) {
    for (let row = first - y; row < first - y + length; row++) pixels[row * width + column - x] = 1;
  }
  return { x, y, width, height, pixels };
}

/**
 * The closed lines along the edges of the pixels of a mask: lists of corners [x, y], in pixels of the image.
 * @param {string} counts
 * @param {number} imageHeight
 */
export function outlineLoops(counts, imageHeight) {
  const mask = maskPixels(counts, imageHeight);
  const { width, height, pixels } = mask;
  const seen = new Uint8Array(width * height);
  const loops = [];
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1; x < width - 1; x++) {
      const at = y * width + x;
      if (pixels[at] && !pixels[at - width] && !seen[at]) loops.push(loop(mask, seen, x, y));
    }
  }
  return loops;
}

/**
 * SVG path of the loops of a mask. With `tolerance` 0 it fills exactly the pixels of the mask. Otherwise a corner closer
 * than the tolerance to the previous one is left out, because both would be drawn on the same screen pixel.
 * @param {Corner[][]} loops
 */
export function loopsPath(loops, tolerance = 0) {
  return loops.map((points) => {
    let [x, y] = points[0];
    let path = `M${x} ${y}`;
    for (const [nextX, nextY] of points) {
      if (Math.hypot(nextX - x, nextY - y) <= tolerance) continue;
      path += nextX === x ? `V${nextY}` : nextY === y ? `H${nextX}` : `L${nextX} ${nextY}`;
      [x, y] = [nextX, nextY];
    }
    return `${path}z`;
  }).join("");
}

const STEP_X = [1, 0, -1, 0];
const STEP_Y = [0, 1, 0, -1];

/**
 * Follow pixel edges with the mask on the right-hand side, from the upper left corner of pixel (startX, startY).
 * @param {MaskPixels} mask
 * @param {Uint8Array} seen
 * @param {number} startX
 * @param {number} startY
 */
function loop({ x: left, y: top, width, pixels }, seen, startX, startY) {
  let x = startX;
  let y = startY;
  let direction = 0;
  /** @type {Corner[]} */
  const corners = [[x + left, y + top]];
  do {
    if (direction === 0) seen[y * width + x] = 1;
    x += STEP_X[direction];
    y += STEP_Y[direction];
    const turn = nextTurn(pixels, width, x, y, direction);
    if (turn) {
      corners.push([x + left, y + top]);
      direction = (direction + turn) & 3;
    }
  } while (x !== startX || y !== startY || direction !== 0);
  return corners;
}

/**
 * The turn at the corner (x, y), found from the two pixels ahead: 1 is right, 3 left, 0 straight on.
 * @param {Uint8Array} pixels
 * @param {number} width
 * @param {number} x
 * @param {number} y
 * @param {number} direction
 */
function nextTurn(pixels, width, x, y, direction) {
  const here = y * width + x;
  const corners = [here - width, here, here - 1, here - width - 1]; // right-up, right-down, left-down, left-up
  if (!pixels[corners[(direction + 1) & 3]]) return 1;
  return pixels[corners[direction]] ? 3 : 0;
}
