// Intervals of rates of defects and predictions, several of which are on one image and so are not independent.

import { binomialInterval } from "./interval.js";

/**
 * @typedef {{events: number, whole: number}} ImageShare
 * Events among the defects, or among the predictions, of one image.
 */

/**
 * The 95 % interval of a rate whose cases come in groups, null without a case: the exact binomial interval of the number of
 * independent cases that is worth as much. It is at most the number of cases and, where all or none are events, the number
 * of images. Source: Korn and Graubard, Confidence intervals for proportions with small expected number of positive
 * counts estimated from survey data, Survey Methodology 24 (1998).
 * @param {ImageShare[]} images
 * @returns {Interval | null}
 */
export function groupedInterval(images) {
  const known = images.filter(({ whole }) => whole > 0);
  const events = known.reduce((sum, one) => sum + one.events, 0);
  const whole = known.reduce((sum, one) => sum + one.whole, 0);
  if (!whole) return null;
  const rate = events / whole;
  const independent = effectiveSize(known, rate, whole);
  return binomialInterval(rate * independent, independent);
}

/**
 * @param {ImageShare[]} images
 * @param {number} rate
 * @param {number} whole
 */
function effectiveSize(images, rate, whole) {
  if (rate === 0 || rate === 1 || images.length < 2) return images.length;
  const squares = images.reduce((sum, one) => sum + (one.events - rate * one.whole) ** 2, 0);
  const variance = ((images.length / (images.length - 1)) * squares) / whole ** 2;
  return Math.min(whole, (rate * (1 - rate)) / variance);
}
