// Values over all predictions of a run, kept because several charts use them.

import { matchPredictions, sameMatches } from "./judge.js";

/** @typedef {{image: number, p: number, score: number}} RankedPrediction */

/** @type {WeakMap<PageData, {iou: number, by: IouKind, matched: number[][]}[]>} */
const matchesOf = new WeakMap();

/** @type {WeakMap<PageData, RankedPrediction[][]>} */
const rankingOf = new WeakMap();

/**
 * The matches of all predictions of each image, whatever their score; those that the last IoU changes are
 * computed again.
 * @param {PageData} data
 * @param {number} model
 * @param {number} iou
 * @param {IouKind} by
 */
export function allMatches(data, model, iou, by) {
  const kept = matchesOf.get(data) ?? [];
  matchesOf.set(data, kept);
  const last = kept[model];
  if (last?.iou !== iou || last.by !== by) {
    const matched = data.images.map(({ truths, runs }, i) => (last?.by === by && sameMatches(runs[model], last.iou, iou, by)
      ? last.matched[i] : matchPredictions(truths, runs[model], runs[model].predictions.length, iou, by)));
    kept[model] = { iou, by, matched };
  }
  return kept[model].matched;
}

/**
 * All predictions of a run by falling score; those of equal score in the order of the images.
 * @param {PageData} data
 * @param {number} model
 */
export function ranking(data, model) {
  const kept = rankingOf.get(data) ?? [];
  rankingOf.set(data, kept);
  kept[model] ??= data.images.flatMap(({ runs }, image) => runs[model].predictions.map(({ score }, p) => ({ image, p, score }))).sort((a, b) => b.score - a.score);
  return kept[model];
}
