// What the errors on an image cost: a miss weighs more than a false alarm, a false alarm more than poor localisation.

import { FOUND_TWICE, MISSED, NOTHING_THERE, POORLY_LOCATED, WRONG_TYPE, meanOverlap } from "./judge.js";

/** Smallest difference in mean IoU that counts as a change if both runs cost the same. */
const MIN_IOU_CHANGE = 0.05;

/** The costs of an image missed and of a false alarm at the start; the reader can change them. */
export const START_COSTS = /** @type {[number, number]} */ ([100, 30]);

/** @type {Partial<Record<Verdict, number>>} */
const DEFECT_COSTS = { [MISSED]: 20, [WRONG_TYPE]: 5, [POORLY_LOCATED]: 1 };

/** @type {Partial<Record<Verdict, number>>} */
const PREDICTION_COSTS = { [NOTHING_THERE]: 3, [WRONG_TYPE]: 1, [POORLY_LOCATED]: 1, [FOUND_TWICE]: 1 };

/**
 * @param {Judgement} one
 * @param {[missed: number, alarm: number]} costs
 */
export function imageCost(one, [missed, alarm]) {
  let cost = (one.miss ? missed : 0) + (one.alarm ? alarm : 0);
  for (const verdict of one.truthVerdicts) cost += DEFECT_COSTS[verdict] ?? 0;
  for (const verdict of one.predictionVerdicts) cost += PREDICTION_COSTS[verdict] ?? 0;
  return cost;
}

/**
 * Whether the second run is better, worse or the same on an image: by cost, and if that is equal by mean IoU.
 * @param {Judgement} first
 * @param {Judgement} second
 * @param {[missed: number, alarm: number]} costs
 */
export function changeOf(first, second, costs) {
  const more = imageCost(second, costs) - imageCost(first, costs);
  if (more) return more < 0 ? "better" : "worse";
  const gain = meanOverlap(second) - meanOverlap(first);
  return Math.abs(gain) <= MIN_IOU_CHANGE ? "same" : gain > 0 ? "better" : "worse";
}

/** @type {Record<string, (first: Judgement, second: Judgement) => boolean>} */
export const REPAIRS = {
  fixed: (first, second) => failed(first) && !failed(second),
  broken: (first, second) => !failed(first) && failed(second),
  gained: (first, second) => second.finders.some((p, t) => p >= 0 && first.finders[t] < 0),
  lost: (first, second) => first.finders.some((p, t) => p >= 0 && second.finders[t] < 0),
};

/**
 * Whether the decision about the image is wrong: a miss or a false alarm.
 * @param {Judgement} one
 */
function failed(one) {
  return one.miss || one.alarm;
}
