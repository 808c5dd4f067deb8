// Turn the embedded JSON into objects with named fields, and find the addresses of the crops.

import { byId } from "./dom.js";
import { loopsPath, outlineLoops } from "./decode.js";

/** The data of this page. */
export function readData() {
  return prepare(JSON.parse(byId("data").textContent ?? ""));
}

/**
 * @param {RawData} raw
 * @returns {PageData}
 */
export function prepare(raw) {
  return { ...raw, images: raw.images.map((image, index) => prepareImage(image, index, raw.judging, raw.models)) };
}

/**
 * @param {RawImage} raw
 * @param {number} index
 * @param {Judging} judging
 * @param {{ oneType: boolean }[]} models
 * @returns {PageImage}
 */
function prepareImage({ name, width, height, split, folds, crops, maps, truths: truthRows, predictions, overlaps, ignored: ignoredRows = [], inside = [], shapes: shapeRows = [], suspects = [] }, index, judging = "defects", models = []) {
  const truths = truthRows.map(prepareTruth);
  const shapes = shapeRows.length ? shapeRows.map(prepareTruth) : truths;
  const ignored = ignoredRows.map(prepareTruth);
  const runs = predictions.map((rows, m) => prepareRun(rows, overlaps[m], ignored, inside[m] ?? [], models[m]?.oneType));
  const masked = truths.every((truth) => truth.counts !== null)
    && runs.every((run) => run.predictions.every((prediction) => prediction.counts !== null));
  return { name, width, height, split, folds, crops, maps, index, judging, truths, shapes, ignored, runs, suspects, good: truths.length === 0, masked };
}

/**
 * @param {ItemRow} row
 * @returns {Truth}
 */
function prepareTruth([type, x, y, w, h, area, counts]) {
  return { type, box: [x, y, w, h], area, counts };
}

/**
 * @param {ItemRow[]} rows
 * @param {OverlapRow[]} overlaps
 * @param {Truth[]} regions
 * @param {OverlapRow[]} insideRows
 * @param {boolean} [oneType]
 * @returns {RunPredictions}
 */
function prepareRun(rows, overlaps, regions, insideRows, oneType) {
  const predictions = rows.map(([type, x, y, w, h, score, counts]) => ({ type, box: /** @type {Box} */ ([x, y, w, h]), score, counts }));
  /** @type {Pair[][]} */
  const pairs = predictions.map(() => []);
  for (const [p, truth, boxes, masks] of overlaps) pairs[p].push({ truth, boxes, masks });
  const anyDefect = oneType ? Math.min(1, predictions.reduce((sum, { score }) => sum + score, 0)) : undefined;
  if (!regions.length) return { predictions, pairs, anyDefect };
  /** @type {Inside[][]} */
  const inside = predictions.map(() => []);
  for (const [p, region, boxes, masks] of insideRows) inside[p].push({ type: regions[region].type, boxes, masks });
  return { predictions, pairs, inside, anyDefect };
}

/**
 * SVG path of the mask of a truth or prediction, null if it has none. `unit` is the size of one screen pixel in pixels
 * of the image; if it is at most 1, the path is exact.
 * @param {PageImage} image
 * @param {Item} item
 * @param {number} unit
 */
export function maskPath(image, item, unit) {
  if (item.counts === null) return null;
  item.loops ??= outlineLoops(item.counts, image.height);
  item.paths ??= new Map();
  const tolerance = unit <= 1 ? 0 : 2 ** Math.floor(Math.log2(unit));
  let path = item.paths.get(tolerance);
  if (path === undefined) {
    path = loopsPath(item.loops, tolerance);
    item.paths.set(tolerance, path);
  }
  return path;
}

/**
 * Address of the k-th crop of an image, null while the page is still loading.
 * @param {PageImage} image
 * @param {number} k
 */
export function cropSource(image, k) {
  const source = image.crops[k][4];
  if (source !== null) return source;
  const block = document.getElementById(`crop-${image.index}-${k}`);
  return block ? `data:image/webp;base64,${block.textContent}` : null;
}
