// Precision, recall and F1 of the predictions of all types at every threshold.

import { INSIDE_REGION } from "./judge.js";
import { ranking } from "./matches.js";

const MAX_POINTS = 400;

/**
 * One point for each score, rising; at most MAX_POINTS, and always those of the highest F1 and of both ends. At one threshold
 * all predictions with at least its score count.
 * @param {PageData} data
 * @param {number} model
 * @param {number[][]} matched the match of every prediction of each image, as of matchPredictions
 * @returns {ConfidencePoint[]}
 */
export function confidenceCurve(data, model, matched) {
  const truths = data.images.reduce((sum, image) => sum + image.truths.length, 0);
  const ranked = ranking(data, model).filter(({ image, p }) => matched[image][p] !== INSIDE_REGION);
  /** @type {ConfidencePoint[]} */
  const points = [];
  let right = 0;
  ranked.forEach(({ score, image, p }, i) => {
    if (matched[image][p] >= 0) right++;
    if (ranked[i + 1]?.score === score) return;
    const [precision, recall] = [right / (i + 1), truths ? right / truths : 0];
    points.push({ threshold: score, precision, recall, f1: precision + recall ? (2 * precision * recall) / (precision + recall) : 0 });
  });
  return thinned(points).reverse();
}

/**
 * The point of the highest F1, of several the one with the highest threshold.
 * @param {ConfidencePoint[]} points
 * @returns {ConfidencePoint | undefined}
 */
export function bestPoint(points) {
  return points.toSorted((a, b) => b.f1 - a.f1 || b.threshold - a.threshold)[0];
}

/** @param {ConfidencePoint[]} points */
function thinned(points) {
  const step = Math.ceil(points.length / MAX_POINTS);
  const best = bestPoint(points);
  return points.filter((point, i) => i % step === 0 || i === points.length - 1 || point === best);
}
