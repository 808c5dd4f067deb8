// Totals and tables at the current thresholds, with the definitions of evaluate/.

import { agreementImages, disagreementImages } from "./agreement.js";
import { calibrationImages, typeMatrix } from "./image_types.js";
import { INSIDE_REGION, countAbove, crossType, judgeImage, sameMatches, thresholdFor } from "./judge.js";

/** @type {Size[]} */
export const SIZES = ["small", "medium", "large"];

/**
 * COCO's size classes: areas below 32 x 32 pixels, below 96 x 96, and above.
 * @param {number} area
 * @returns {Size}
 */
export function sizeOf(area) {
  return area < 32 * 32 ? "small" : area < 96 * 96 ? "medium" : "large";
}

/**
 * The judgements of all runs and images. Unchanged judgements of `before` are reused, because a small change of a
 * threshold affects few images.
 * @param {PageData} data
 * @param {State} state
 * @param {Judged} before
 * @returns {Judged}
 */
export function judgeAll(data, state, before = []) {
  const { iou, by } = state;
  return data.models.map((_, m) => data.images.map((image, i) => {
    const threshold = thresholdFor(data, state, m, image);
    const { predictions, anyDefect } = image.runs[m];
    const count = anyDefect === undefined ? countAbove(predictions, threshold) : Number(predictions.length > 0 && anyDefect >= threshold);
    const old = before[m]?.[i];
    if (!old || old.count !== count || old.by !== by || !sameMatches(image.runs[m], old.iou, iou, by)) return judgeImage(image, m, count, iou, by);
    old.iou = iou;
    return old;
  }));
}

/**
 * @param {number} part
 * @param {number} whole
 */
export function ratio(part, whole) {
  return whole ? part / whole : null;
}

/**
 * The totals of one run.
 * @param {PageData} data
 * @param {Judgement[]} judgements
 * @returns {Totals}
 */
export function totals(data, judgements) {
  const sum = { found: 0, wrong: 0, unfound: 0, missed: 0, alarms: 0, defective: 0, good: 0 };
  judgements.forEach((one, i) => {
    sum.found += one.right;
    sum.wrong += one.wrong;
    sum.unfound += one.unfound;
    sum.missed += one.miss ? 1 : 0;
    sum.alarms += one.alarm ? 1 : 0;
    sum[data.images[i].good ? "good" : "defective"] += 1;
  });
  return { ...sum, precision: ratio(sum.found, sum.found + sum.wrong), recall: ratio(sum.found, sum.found + sum.unfound) };
}

/**
 * matrix[row][column]: truths of type `row` that predictions of type `column` match, regardless of the type. The last row
 * contains predictions without a match, the last column truths without a match.
 * @param {PageData} data
 * @param {number} model
 * @param {Judgement[]} judgements
 * @returns {Tally[][]}
 */
export function confusion(data, model, judgements, tally = countOnly) {
  const none = data.types.length;
  const matrix = Array.from({ length: none + 1 }, () => Array.from({ length: none + 1 }, tally));
  data.images.forEach((image, i) => {
    const matched = crossType(image, model, judgements[i]);
    const { predictions } = image.runs[model];
    matched.forEach((t, p) => { if (t !== INSIDE_REGION) add(matrix[t >= 0 ? image.truths[t].type : none][predictions[p].type], image); });
    image.truths.forEach((truth, t) => { if (!matched.includes(t)) add(matrix[truth.type][none], image); });
  });
  return matrix;
}

/** @returns {Tally} */
function countOnly() {
  return { count: 0, images: null };
}

/** @returns {Tally} */
function withImages() {
  return { count: 0, images: new Set() };
}

/**
 * @param {Tally} tally
 * @param {PageImage} image
 */
function add(tally, image) {
  tally.count++;
  tally.images?.add(image.index);
}

/**
 * By type: truths, found and not found, wrong predictions, precision and recall at the thresholds.
 * @param {PageData} data
 * @param {number} model
 * @param {Judgement[]} judgements
 * @returns {TypeRow[]}
 */
export function byType(data, model, judgements, tally = countOnly) {
  const rows = data.types.map(() => ({ truths: tally(), found: tally(), unfound: tally(), wrong: tally() }));
  data.images.forEach((image, i) => {
    const { finders, matched } = judgements[i];
    image.truths.forEach(({ type }, t) => {
      add(rows[type].truths, image);
      add(finders[t] >= 0 ? rows[type].found : rows[type].unfound, image);
    });
    matched.forEach((truth, p) => {
      if (truth === -1) add(rows[image.runs[model].predictions[p].type].wrong, image);
    });
  });
  return rows.map((row) => ({
    ...row,
    precision: ratio(row.found.count, row.found.count + row.wrong.count),
    recall: ratio(row.found.count, row.truths.count),
  }));
}

/**
 * By type and size class, with a last row and column for totals: truths, and truths not found.
 * @param {PageData} data
 * @param {Judgement[]} judgements
 * @returns {SizeCell[][]}
 */
export function bySize(data, judgements, tally = countOnly) {
  const cells = () => Array.from({ length: SIZES.length + 1 }, () => ({ truths: tally(), unfound: tally() }));
  const rows = Array.from({ length: data.types.length + 1 }, cells);
  data.images.forEach((image, i) => {
    image.truths.forEach((truth, t) => {
      const column = SIZES.indexOf(sizeOf(truth.area));
      for (const row of [rows[truth.type], rows[data.types.length]]) {
        for (const cell of [row[column], row[SIZES.length]]) {
          add(cell.truths, image);
          if (judgements[i].finders[t] < 0) add(cell.unfound, image);
        }
      }
    });
  });
  return rows;
}

/**
 * The indices of the images behind a clicked table cell; empty if there is no such cell.
 * @param {PageData} data
 * @param {Judged} judged
 * @param {Cell} cell
 * @param {State} state
 * @returns {Set<number>}
 */
export function cellImages(data, judged, [table, row, column], state) {
  const { focus } = state;
  const judgements = judged[focus];
  if (table === "image_type") return typeMatrix(data, state, focus, judgements)[row]?.[Number(column)] ?? new Set();
  if (table === "calibration") return calibrationImages(data, focus, row);
  if (table === "agreement") return agreementImages(data, judged, state, row, column);
  if (table === "type" && column === "ap") return rankedImages(data, focus, row);
  if (table === "disagreement") return disagreementImages(data, judged, row, Number(column));
  return tallyAt()?.images ?? new Set();

  /** @returns {Tally | undefined} */
  function tallyAt() {
    if (table === "confusion") return confusion(data, focus, judgements, withImages)[row]?.[Number(column)];
    if (table === "size") return bySize(data, judgements, withImages)[row]?.[Number(column)]?.truths;
    if (table === "unfound") return bySize(data, judgements, withImages)[row]?.[Number(column)]?.unfound;
    if (table === "type" && column === "precision") return joined(byType(data, focus, judgements, withImages)[row], ["found", "wrong"]);
    if (table === "type" && column === "recall") return byType(data, focus, judgements, withImages)[row]?.truths;
    if (table === "type" && isTypeColumn(column)) return byType(data, focus, judgements, withImages)[row]?.[column];
    return undefined;
  }
}

/**
 * The images of several columns of a row.
 * @param {TypeRow | undefined} row
 * @param {("found" | "wrong")[]} columns
 * @returns {Tally | undefined}
 */
function joined(row, columns) {
  return row && { count: 0, images: new Set(columns.flatMap((column) => [...row[column].images ?? []])) };
}

/**
 * The images with a truth or a prediction of a type, whatever its score: those that its AP depends on.
 * @param {PageData} data
 * @param {number} model
 * @param {number} type
 */
function rankedImages(data, model, type) {
  const has = (/** @type {Item[]} */ items) => items.some((item) => item.type === type);
  return new Set(data.images.filter(({ truths, runs }) => has(truths) || has(runs[model].predictions)).map(({ index }) => index));
}

/**
 * @param {unknown} column
 * @returns {column is "truths" | "found" | "unfound" | "wrong"}
 */
function isTypeColumn(column) {
  return ["truths", "found", "unfound", "wrong"].includes(String(column));
}
