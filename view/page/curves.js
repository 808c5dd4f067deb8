// Curves over all thresholds, with the definitions of evaluate/.

import { INSIDE_REGION, imageScore, operatingThreshold } from "./judge.js";
import { MATCHED, rankedMatches, ranking } from "./matches.js";

/**
 * Misses and false alarms with every image score as threshold, in rising order.
 * @param {PageData} data
 * @param {number} model
 * @returns {CurvePoint[]}
 */
export function missAlarmCurve(data, model) {
  /** @type {number[]} */
  const defective = [];
  /** @type {number[]} */
  const good = [];
  for (const image of data.images) {
    (image.good ? good : defective).push(imageScore(image, model) ?? 0);
  }
  defective.sort((a, b) => a - b);
  good.sort((a, b) => a - b);
  const levels = [...new Set([...defective, ...good].filter((s) => s > 0))].sort((a, b) => a - b);
  let missed = 0;
  let quiet = 0;
  return levels.map((threshold) => {
    while (missed < defective.length && defective[missed] < threshold) missed++;
    while (quiet < good.length && good[quiet] < threshold) quiet++;
    return { threshold, missed, alarms: good.length - quiet };
  });
}

/**
 * Misses and false alarms at the operating point of a run, null if it has none.
 * @param {PageData} data
 * @param {number} m
 */
export function operatingCounts(data, m) {
  if (data.models[m].threshold === null) return null;
  const counts = { missed: 0, alarms: 0 };
  for (const image of data.images) {
    const threshold = operatingThreshold(data, m, image) ?? 0;
    const found = (imageScore(image, m) ?? -1) >= threshold;
    if (image.good && found) counts.alarms++;
    if (!image.good && !found) counts.missed++;
  }
  return counts;
}

/**
 * By type: number of truths, precision and recall along the ranked predictions, and COCO AP at this IoU.
 * @param {PageData} data
 * @param {number} model
 * @param {number} iou
 * @param {IouKind} by
 * @returns {PrecisionRecall[]}
 */
export function precisionRecall(data, model, iou, by) {
  const truths = data.types.map(() => 0);
  for (const image of data.images) for (const truth of image.truths) truths[truth.type]++;
  const matches = rankedMatches(data, model, iou, by);
  return ranking(data, model).byType.map((ranks, type) => {
    const precisions = new Float64Array(ranks.length);
    const recalls = new Float64Array(ranks.length);
    let right = 0;
    let counted = 0;
    for (const rank of ranks) {
      if (matches[rank] === INSIDE_REGION) continue;
      if (matches[rank] === MATCHED) right++;
      recalls[counted] = truths[type] ? right / truths[type] : 0;
      precisions[counted] = right / ++counted;
    }
    const [precision, recall] = [precisions.subarray(0, counted), recalls.subarray(0, counted)];
    return { truths: truths[type], precision, recall, ap: truths[type] ? averagePrecision(precision, recall) : null };
  });
}

/**
 * Mean of the best precision at 101 recalls. Source: cocoapi cocoeval.py, accumulate.
 * @param {Float64Array} precision
 * @param {Float64Array} recall
 */
function averagePrecision(precision, recall) {
  const best = new Float64Array(precision.length);
  let largest = 0;
  for (let i = precision.length - 1; i >= 0; i--) {
    largest = Math.max(largest, precision[i]);
    best[i] = largest;
  }
  let sum = 0;
  let at = 0;
  for (let step = 0; step <= 100; step++) {
    while (at < recall.length && recall[at] < step / 100) at++;
    if (at < recall.length) sum += best[at];
  }
  return sum / 101;
}
