// Intervals of rates of defects and predictions, several of which are on one image and so are not independent.

import { binomialInterval } from "./interval.js";

/**
 * No image.
 * @returns {Shares}
 */
export function noShares() {
  return { images: 0, events: 0, whole: 0, eventsSquared: 0, mixed: 0, wholeSquared: 0 };
}

/**
 * Add the events among the defects, or among the predictions, of one image; `sign` is -1 to take them out.
 * @param {Shares} sum
 * @param {number} events
 * @param {number} whole
 * @param {number} sign
 */
export function addShare(sum, events, whole, sign) {
  if (!whole) return;
  sum.images += sign;
  sum.events += sign * events;
  sum.whole += sign * whole;
  sum.eventsSquared += sign * events * events;
  sum.mixed += sign * events * whole;
  sum.wholeSquared += sign * whole * whole;
}

/**
 * The 95 % interval of a rate whose cases come in groups, null without a case: the exact binomial interval of the number of
 * independent cases that is worth as much. It is at most the number of cases and, where all or none are events, the number
 * of images. Source: Korn and Graubard, Confidence intervals for proportions with small expected number of positive
 * counts estimated from survey data, Survey Methodology 24 (1998).
 * @param {Shares} sum
 * @returns {Interval | null}
 */
export function sharesInterval(sum) {
  if (!sum.whole) return null;
  const independent = effectiveSize(sum);
  return binomialInterval((sum.events / sum.whole) * independent, independent);
}

/** @param {Shares} sum */
function effectiveSize({ images, events, whole, eventsSquared, mixed, wholeSquared }) {
  if (events === 0 || events === whole || images < 2) return images;
  const rate = events / whole;
  // The sum of (events of an image - rate * its whole)²; the numerator is a whole number.
  const squares = (whole * whole * eventsSquared - 2 * events * whole * mixed + events * events * wholeSquared) / whole ** 2;
  const variance = ((images / (images - 1)) * squares) / whole ** 2;
  return Math.min(whole, (rate * (1 - rate)) / variance);
}
