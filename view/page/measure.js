// Totals and tables at the current thresholds, with the definitions of evaluate/.

import { INSIDE_REGION, crossType } from "./judge.js";
import { addShare, noShares } from "./survey.js";

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
 * @param {number} part
 * @param {number} whole
 */
export function ratio(part, whole) {
  return whole ? part / whole : null;
}

/**
 * Judgements of one run.
 * @returns {import("./sums.js").Sum<RunSums>}
 */
export function runSums() {
  return {
    start: () => ({ missed: 0, alarms: 0, defective: 0, good: 0, defects: noShares(), predictions: noShares() }),
    add(sum, { good }, [one], sign) {
      sum.missed += one.miss ? sign : 0;
      sum.alarms += one.alarm ? sign : 0;
      sum[good ? "good" : "defective"] += sign;
      addShare(sum.defects, one.unfound, one.unfound + one.right, sign);
      addShare(sum.predictions, one.wrong, one.wrong + one.right, sign);
    },
  };
}

/**
 * The totals of one run.
 * @param {RunSums} sums
 * @returns {Totals}
 */
export function totals({ missed, alarms, defective, good, defects, predictions }) {
  const [unfound, wrong] = [defects.events, predictions.events];
  const found = defects.whole - unfound;
  return { found, wrong, unfound, missed, alarms, defective, good, precision: ratio(found, found + wrong), recall: ratio(found, found + unfound), defects, predictions };
}

/**
 * matrix[row][column]: truths of type `row` that predictions of type `column` match, regardless of the type. The last row
 * contains predictions without a match, the last column truths without a match.
 * @param {PageData} data
 * @param {number} model
 * @returns {import("./sums.js").Sum<Tally[][]>}
 */
export function confusion(data, model, tally = countOnly) {
  const none = data.types.length;
  return {
    start: () => Array.from({ length: none + 1 }, () => Array.from({ length: none + 1 }, tally)),
    add(matrix, image, [one], sign) {
      const matched = crossType(image, model, one);
      const { predictions } = image.runs[model];
      matched.forEach((t, p) => { if (t !== INSIDE_REGION) add(matrix[t >= 0 ? image.truths[t].type : none][predictions[p].type], image, sign); });
      image.truths.forEach((truth, t) => { if (!matched.includes(t)) add(matrix[truth.type][none], image, sign); });
    },
  };
}

/** @returns {Tally} */
function countOnly() {
  return { count: 0, images: null };
}

/**
 * A tally that also keeps the images.
 * @returns {Tally}
 */
export function withImages() {
  return { count: 0, images: new Set() };
}

/**
 * @param {Tally} tally
 * @param {PageImage} image
 * @param {number} sign
 */
function add(tally, image, sign) {
  tally.count += sign;
  tally.images?.add(image.index);
}

/**
 * By type: truths, found and not found, wrong predictions.
 * @param {PageData} data
 * @param {number} model
 * @returns {import("./sums.js").Sum<TypeTallies[]>}
 */
export function byType(data, model, tally = countOnly) {
  return {
    start: () => data.types.map(() => ({ truths: tally(), found: tally(), unfound: tally(), wrong: tally() })),
    add(rows, image, [{ finders, matched }], sign) {
      image.truths.forEach(({ type }, t) => {
        add(rows[type].truths, image, sign);
        add(finders[t] >= 0 ? rows[type].found : rows[type].unfound, image, sign);
      });
      matched.forEach((truth, p) => {
        if (truth === -1) add(rows[image.runs[model].predictions[p].type].wrong, image, sign);
      });
    },
  };
}

/**
 * The same with precision and recall at the thresholds.
 * @param {TypeTallies[]} rows
 * @returns {TypeRow[]}
 */
export function typeRows(rows) {
  return rows.map((row) => ({
    ...row,
    precision: ratio(row.found.count, row.found.count + row.wrong.count),
    recall: ratio(row.found.count, row.truths.count),
  }));
}

/**
 * By type and size class: truths, and truths not found.
 * @param {PageData} data
 * @returns {import("./sums.js").Sum<SizeCell[][]>}
 */
export function bySize(data, tally = countOnly) {
  const cells = () => SIZES.map(() => ({ truths: tally(), unfound: tally() }));
  return {
    start: () => data.types.map(cells),
    add(rows, image, [{ finders }], sign) {
      image.truths.forEach(({ type, area }, t) => {
        const cell = rows[type][SIZES.indexOf(sizeOf(area))];
        add(cell.truths, image, sign);
        if (finders[t] < 0) add(cell.unfound, image, sign);
      });
    },
  };
}

/**
 * The same with a last row and column for totals.
 * @param {SizeCell[][]} rows
 */
export function withTotals(rows) {
  const wide = rows.map((cells) => [...cells, joinCells(cells)]);
  return [...wide, [...SIZES.keys(), SIZES.length].map((column) => joinCells(wide.map((cells) => cells[column])))];
}

/** @param {SizeCell[]} cells */
function joinCells(cells) {
  return { truths: joined(cells.map(({ truths }) => truths)), unfound: joined(cells.map(({ unfound }) => unfound)) };
}

/**
 * @param {Tally[]} tallies
 * @returns {Tally}
 */
export function joined(tallies) {
  return { count: tallies.reduce((sum, { count }) => sum + count, 0), images: new Set(tallies.flatMap(({ images }) => [...images ?? []])) };
}
