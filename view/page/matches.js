// All predictions of a run by falling score and their matches, kept because several charts use them.

import { markBetween } from "./affected.js";
import { ALMOST_ONE, matchPredictions } from "./judge.js";

export const MATCHED = 1;

/** @typedef {{iou: number, by: IouKind, matches: Int8Array}} Kept */

/** @type {WeakMap<PageData, Kept[]>} */
const matchesOf = new WeakMap();

/** @type {WeakMap<PageData, Ranking[]>} */
const rankingOf = new WeakMap();

/**
 * All predictions of a run by falling score; those of equal score in the order of the images.
 * @param {PageData} data
 * @param {number} model
 * @returns {Ranking}
 */
export function ranking(data, model) {
  const kept = rankingOf.get(data) ?? [];
  rankingOf.set(data, kept);
  kept[model] ??= ranked(data, model);
  return kept[model];
}

/**
 * @param {PageData} data
 * @param {number} model
 * @returns {Ranking}
 */
function ranked(data, model) {
  const all = data.images.flatMap(({ runs }) => runs[model].predictions);
  const unsorted = Float64Array.from(all, ({ score }) => score);
  const order = Uint32Array.from(all.keys()).sort((a, b) => unsorted[b] - unsorted[a] || a - b);
  const ranks = new Uint32Array(all.length);
  order.forEach((at, rank) => { ranks[at] = rank; });
  const firsts = new Uint32Array(data.images.length + 1);
  data.images.forEach(({ runs }, i) => { firsts[i + 1] = firsts[i] + runs[model].predictions.length; });
  return {
    scores: Float64Array.from(order, (at) => unsorted[at]),
    byType: data.types.map((_, type) => Uint32Array.from(ranks.filter((_rank, at) => all[at].type === type)).sort()),
    images: data.images.map((_, i) => ranks.subarray(firsts[i], firsts[i + 1])),
  };
}

/**
 * By rank, whether a prediction matches a truth if all count, whatever their score: 1, -1 if not, INSIDE_REGION if it does not
 * count. Only images that the last IoU changes are matched again; the next call changes the array.
 * @param {PageData} data
 * @param {number} model
 * @param {number} iou
 * @param {IouKind} by
 */
export function rankedMatches(data, model, iou, by) {
  const all = matchesOf.get(data) ?? [];
  matchesOf.set(data, all);
  const last = all[model];
  const { images, scores } = ranking(data, model);
  const matches = last?.matches ?? new Int8Array(scores.length);
  const match = (/** @type {number} */ i) => {
    const { truths, runs } = data.images[i];
    const found = matchPredictions(truths, runs[model], images[i].length, iou, by);
    found.forEach((truth, p) => { matches[images[i][p]] = truth >= 0 ? MATCHED : truth; });
  };
  if (last?.by !== by || (last.iou !== iou && Math.max(last.iou, iou) > ALMOST_ONE)) data.images.forEach((_, i) => { match(i); });
  else if (last.iou !== iou) {
    const marks = new Uint8Array(images.length);
    markBetween(marks, data, model, by, last.iou, iou);
    for (let i = 0; i < marks.length; i++) if (marks[i]) match(i);
  }
  all[model] = { iou, by, matches };
  return matches;
}
