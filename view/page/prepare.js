// The embedded JSON as objects with names, and the pictures that lie beside it.

import { byId } from "./dom.js";
import { loopsPath, outlineLoops } from "./decode.js";

export function readData() {
  return prepare(JSON.parse(byId("data").textContent));
}

export function prepare(data) {
  data.images.forEach((image, index) => {
    image.index = index;
    image.truths = image.truths.map(([type, x, y, w, h, area, counts]) => ({ type, box: [x, y, w, h], area, counts }));
    image.good = image.truths.length === 0;
    image.runs = image.predictions.map((found, m) => prepareRun(found, image.overlaps[m]));
    image.masked = image.truths.every((t) => t.counts !== null)
      && image.runs.every((run) => run.predictions.every((p) => p.counts !== null));
  });
  return data;
}

function prepareRun(found, overlaps) {
  const predictions = found.map(([type, x, y, w, h, score, counts]) => ({ type, box: [x, y, w, h], score, counts }));
  const pairs = predictions.map(() => []);
  for (const [p, t, boxes, masks] of overlaps) pairs[p].push({ truth: t, boxes, masks });
  return { predictions, pairs };
}

/**
 * SVG path of the mask of a truth or prediction, null where it has none; exact where a pixel of the image is drawn at
 * least as large as one of the screen, which has `unit` pixels of the image.
 */
export function maskPath(image, item, unit) {
  if (item.counts === null) return null;
  item.loops ??= outlineLoops(item.counts, image.height);
  item.paths ??= new Map();
  const tolerance = unit <= 1 ? 0 : 2 ** Math.floor(Math.log2(unit));
  if (!item.paths.has(tolerance)) item.paths.set(tolerance, loopsPath(item.loops, tolerance));
  return item.paths.get(tolerance);
}

/** Address of the k-th picture of an image, null while the page is still being read. */
export function cropSource(image, k) {
  const source = image.crops[k][4];
  if (source !== null) return source;
  const block = byId(`crop-${image.index}-${k}`);
  return block ? `data:image/webp;base64,${block.textContent}` : null;
}
