// COCO run-length masks: to pixels, and to the outline that runs along the edges of the pixels.

/** Run lengths of a compressed COCO mask: background first, column by column. Source: cocoapi maskApi.c. */
export function runLengths(counts) {
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

/** The mask's pixels inside its extents, with a border of one empty pixel: {x, y, width, height, pixels}. */
export function maskPixels(counts, imageHeight) {
  const runs = runLengths(counts);
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

/** The closed lines along the edges of a mask's pixels: lists of corners [x, y], in pixels of the image. */
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
 * SVG path of the loops of a mask. With `tolerance` 0 it fills exactly the mask's pixels; otherwise corners nearer than
 * that to the one before are left out, for drawings in which they would fall on one screen pixel.
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

// Follows pixel edges with the mask on the right hand, from the upper left corner of pixel (x, y).
function loop({ x: left, y: top, width, pixels }, seen, startX, startY) {
  let x = startX;
  let y = startY;
  let direction = 0;
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

// The two pixels ahead of the corner (x, y) decide: 1 turns right, 3 left, 0 goes on.
function nextTurn(pixels, width, x, y, direction) {
  const here = y * width + x;
  const corners = [here - width, here, here - 1, here - width - 1]; // right-up, right-down, left-down, left-up
  if (!pixels[corners[(direction + 1) & 3]]) return 1;
  return pixels[corners[direction]] ? 3 : 0;
}
