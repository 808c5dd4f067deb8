// What an allowance costs: the false alarms of so many misses, and the misses of so many false alarms.

import { imageScore } from "./judge.js";
import { allScores, firstAtLeast, shownThreshold } from "./shown_threshold.js";

/** @typedef {{defective: number[], good: number[]}} ImageScores */

const STEPS = [0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500];

/**
 * The highest score of each image of a run, rising; 0 without a prediction.
 * @param {PageData} data
 * @param {number} model
 * @returns {ImageScores}
 */
export function imageScores(data, model) {
  /** @type {ImageScores} */
  const scores = { defective: [], good: [] };
  for (const image of data.images) scores[image.good ? "good" : "defective"].push(imageScore(image, model) ?? 0);
  scores.defective.sort((a, b) => a - b);
  scores.good.sort((a, b) => a - b);
  return scores;
}

/**
 * For each number of misses allowed, the highest threshold that keeps it: it has the fewest false alarms. The threshold
 * is null if too many defective images have no prediction at all.
 * @param {PageData} data
 * @param {number} model
 * @param {ImageScores} scores
 * @returns {Allowance[]}
 */
export function missesAllowed(data, model, scores) {
  const { defective } = scores;
  return STEPS.filter((allowed) => allowed < defective.length).map((allowed) =>
    allowance(data, model, scores, allowed, defective[allowed] > 0 ? defective[allowed] : null));
}

/**
 * The fewest misses that any threshold keeps: those of the images without a prediction. Null if there is none.
 * @param {PageData} data
 * @param {number} model
 * @param {ImageScores} scores
 * @returns {Allowance | null}
 */
export function fewestMisses(data, model, scores) {
  const silent = scores.defective.filter((score) => score === 0).length;
  if (silent === 0 || silent === scores.defective.length) return null;
  return allowance(data, model, scores, silent, scores.defective[silent]);
}

/**
 * For each number of false alarms allowed, the lowest threshold that keeps it: it has the fewest misses. The threshold is
 * null if too many good images have the score 1.
 * @param {PageData} data
 * @param {number} model
 * @param {ImageScores} scores
 * @returns {Allowance[]}
 */
export function alarmsAllowed(data, model, scores) {
  const { good } = scores;
  const every = allScores(data, model);
  return STEPS.filter((allowed) => allowed < good.length).map((allowed) => {
    const silenced = good[good.length - 1 - allowed];
    const level = every[firstAbove(every, silenced)] ?? (silenced < 1 ? 1 : null);
    return allowance(data, model, scores, allowed, level);
  });
}

/**
 * @param {ArrayLike<number>} rising
 * @param {number} value
 */
function firstAbove(rising, value) {
  let at = firstAtLeast(rising, value);
  while (at < rising.length && rising[at] === value) at++;
  return at;
}

/**
 * @param {PageData} data
 * @param {number} model
 * @param {ImageScores} scores
 * @param {number} allowed
 * @param {number | null} level
 * @returns {Allowance}
 */
function allowance(data, model, { defective, good }, allowed, level) {
  if (level === null) return { allowed, threshold: null, missed: 0, alarms: 0 };
  return {
    allowed,
    threshold: shownThreshold(data, model, level),
    missed: firstAtLeast(defective, level),
    alarms: good.length - firstAtLeast(good, level),
  };
}
