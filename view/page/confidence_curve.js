// Precision, recall and F1 of the predictions of all types at every threshold.

import { INSIDE_REGION } from "./judge.js";
import { MATCHED, rankedMatches, ranking } from "./matches.js";

const MAX_POINTS = 400;

/**
 * One point for each score, rising; at most MAX_POINTS, and always those of the highest F1 and of both ends. At one threshold
 * all predictions with at least its score count.
 * @param {PageData} data
 * @param {number} model
 * @param {number} iou
 * @param {IouKind} by
 * @returns {ConfidencePoint[]}
 */
export function confidenceCurve(data, model, iou, by) {
  const truths = data.images.reduce((sum, image) => sum + image.truths.length, 0);
  const ranked = ranking(data, model).scores;
  const matches = rankedMatches(data, model, iou, by);
  const rights = new Int32Array(ranked.length); // by distinct score: right predictions, and all that count
  const counts = new Int32Array(ranked.length);
  const scores = new Float64Array(ranked.length);
  let [right, counted, last] = [0, 0, -1];
  for (let rank = 0; rank < ranked.length; rank++) {
    if (matches[rank] === INSIDE_REGION) continue;
    if (matches[rank] === MATCHED) right++;
    const score = ranked[rank];
    counted++;
    if (last < 0 || scores[last] !== score) last++;
    scores[last] = score;
    rights[last] = right;
    counts[last] = counted;
  }
  let best = 0;
  for (let i = 1; i <= last; i++) if (f1(i) > f1(best)) best = i;
  const step = Math.ceil((last + 1) / MAX_POINTS);
  /** @type {ConfidencePoint[]} */
  const points = [];
  for (let i = last; i >= 0; i--) if (i % step === 0 || i === last || i === best) points.push(pointAt(i));
  return points;

  /** @param {number} i */
  function f1(i) {
    return (2 * rights[i]) / (counts[i] + truths);
  }

  /** @param {number} i */
  function pointAt(i) {
    const [precision, recall] = [rights[i] / counts[i], truths ? rights[i] / truths : 0];
    return { threshold: scores[i], precision, recall, f1: precision + recall ? (2 * precision * recall) / (precision + recall) : 0 };
  }
}

/**
 * The point of the highest F1, of several the one with the highest threshold.
 * @param {ConfidencePoint[]} points
 * @returns {ConfidencePoint | undefined}
 */
export function bestPoint(points) {
  /** @type {ConfidencePoint | undefined} */
  let best;
  for (const point of points) {
    if (!best || point.f1 > best.f1 || (point.f1 === best.f1 && point.threshold > best.threshold)) best = point;
  }
  return best;
}
