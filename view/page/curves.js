// Curves over all thresholds, with the definitions of evaluate/.

import { INSIDE_REGION, imageScore, operatingThreshold } from "./judge.js";
import { allMatches } from "./matches.js";

/** @typedef {{images: Int32Array, places: Int32Array}} Ranked - the indices of images, and of predictions in each */

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
 * The predictions of a run by type, sorted by falling score; independent of the threshold.
 * @param {PageData} data
 * @param {number} model
 * @returns {Ranked[]}
 */
export function rankedPredictions(data, model) {
  /** @type {{image: number, p: number, score: number}[][]} */
  const ranked = data.types.map(() => []);
  for (const { index, runs } of data.images) {
    for (const [p, { type, score }] of runs[model].predictions.entries()) ranked[type].push({ image: index, p, score });
  }
  return ranked.map((one) => {
    one.sort((a, b) => b.score - a.score);
    return { images: Int32Array.from(one, ({ image }) => image), places: Int32Array.from(one, ({ p }) => p) };
  });
}

/**
 * By type: number of truths, precision and recall along the ranked predictions, and COCO AP at this IoU.
 * @param {PageData} data
 * @param {number} model
 * @param {Ranked[]} ranked
 * @param {number} iou
 * @param {IouKind} by
 * @returns {PrecisionRecall[]}
 */
export function precisionRecall(data, model, ranked, iou, by) {
  const truths = data.types.map(() => 0);
  for (const image of data.images) for (const truth of image.truths) truths[truth.type]++;
  const matched = allMatches(data, model, iou, by);
  return data.types.map((_, type) => {
    const { images, places } = ranked[type];
    const precisions = new Float64Array(images.length);
    const recalls = new Float64Array(images.length);
    let right = 0;
    let counted = 0;
    for (let i = 0; i < images.length; i++) {
      const match = matched[images[i]][places[i]];
      if (match === INSIDE_REGION) continue;
      if (match >= 0) right++;
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
