// The order of the images.

import { imageCost } from "./cost.js";
import { meanOverlap, thresholdFor } from "./judge.js";

/** Sort weight of one unit of mean IoU, in costs. */
const IOU_WEIGHT = 0.1;

/**
 * Sort orders, named by sort.KEY in languages/, each with the most interesting images first.
 * @type {[key: string, runs: number, needsTruth: boolean][]}
 */
export const SORTS = [
  ["name", 0, false],
  ["score", 1, false],
  ["doubt", 1, false],
  ["overlap", 1, true],
  ["missed", 1, true],
  ["errors", 1, true],
  ["area", 0, true],
  ["change", 2, true],
];

/**
 * The value that images are sorted by, smallest first.
 * @param {PageData} data
 * @param {Judged} judged
 * @param {State} state
 * @returns {(image: PageImage) => number}
 */
export function sortValue(data, judged, state) {
  const { sort, focus, pair, costs } = state;
  /** @type {(image: PageImage) => Judgement} */
  const one = (image) => judged[focus][image.index];
  /** @type {(image: PageImage) => number} */
  const top = (image) => image.runs[focus].predictions[0]?.score ?? 0;
  /** @type {(image: PageImage, keep: (t: number) => boolean) => number} */
  const area = (image, keep) => image.truths.reduce((sum, truth, t) => sum + (keep(t) ? truth.area : 0), 0);
  /** @type {Record<string, (image: PageImage) => number>} */
  const values = {
    name: (image) => image.index,
    area: (image) => -area(image, () => true),
    score: (image) => -top(image),
    doubt: (image) => Math.abs(top(image) - thresholdFor(data, state, focus, image)),
    overlap: (image) => worstOverlap(image, one(image)),
    missed: (image) => -area(image, (t) => one(image).finders[t] < 0),
    errors: (image) => -imageCost(one(image), costs),
    change: (image) => change(judged[pair[0]][image.index], judged[pair[1]][image.index], costs),
  };
  const needed = SORTS.find(([key]) => key === sort)?.[1] ?? Infinity;
  return judged.length >= needed ? values[sort] : values.name;
}

/**
 * Images without a defect come last; a defect that is not found counts as IoU 0.
 * @param {PageImage} image
 * @param {Judgement} one
 */
function worstOverlap(image, one) {
  if (image.good) return 2;
  return Math.min(...one.finders.map((p) => one.overlaps[p] ?? 0));
}

/**
 * @param {Judgement} first
 * @param {Judgement} second
 * @param {[number, number]} costs
 */
function change(first, second, costs) {
  return imageCost(second, costs) - imageCost(first, costs)
    + IOU_WEIGHT * (meanOverlap(first) - meanOverlap(second));
}
