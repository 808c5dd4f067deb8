// The judgements of all images. A move of a slider changes few of them; the others are reused.

import { markBetween } from "./affected.js";
import { ALMOST_ONE, countAbove, judgeImage, sameMatches, thresholdFor } from "./judge.js";

/** @typedef {{threshold: number | null, iou: number, by: IouKind}} Settings */

/** @type {WeakMap<Judgement[], Settings>} the settings that each list was judged with */
const settingsOf = new WeakMap();

/**
 * The judgements of all runs and images. Unchanged judgements of `before` are reused; a run of which no threshold has
 * changed keeps its list.
 * @param {PageData} data
 * @param {State} state
 * @param {Judged} before
 * @returns {Judged}
 */
export function judgeAll(data, state, before = []) {
  return data.models.map((_, m) => judgeRun(data, state, m, before[m]));
}

/**
 * The same of one run.
 * @param {PageData} data
 * @param {State} state
 * @param {number} m
 * @param {Judgement[]} [before]
 */
export function judgeRun(data, state, m, before) {
  const { iou, by } = state;
  const now = { threshold: state.thresholds[m], iou, by };
  const last = before && settingsOf.get(before);
  if (before && last && last.threshold === now.threshold && last.iou === iou && last.by === by) return before;
  const affected = last && affectedImages(data, m, last, now);
  /** @type {Judgement[]} */
  let judgements;
  if (before && affected) {
    judgements = before.slice();
    for (let i = 0; i < affected.length; i++) if (affected[i]) judgements[i] = judgeAgain(data, state, m, i, judgements[i]);
    if (last.iou !== iou) for (const one of judgements) one.iou = iou;
  } else judgements = data.images.map((_, i) => judgeAgain(data, state, m, i, before?.[i]));
  settingsOf.set(judgements, now);
  return judgements;
}

/**
 * By image, 1 if another setting may change its judgement; null if it may change all.
 * @param {PageData} data
 * @param {number} m
 * @param {Settings} last
 * @param {Settings} now
 */
function affectedImages(data, m, last, now) {
  if (last.by !== now.by || Math.max(last.iou, now.iou) > ALMOST_ONE) return null;
  const marks = new Uint8Array(data.images.length);
  if (last.iou !== now.iou) markBetween(marks, data, m, now.by, last.iou, now.iou);
  if (last.threshold === now.threshold) return marks;
  if (last.threshold === null || now.threshold === null) return null; // each fold has a threshold of its own
  markBetween(marks, data, m, "scores", last.threshold, now.threshold);
  return marks;
}

/**
 * @param {PageData} data
 * @param {State} state
 * @param {number} m
 * @param {number} i
 * @param {Judgement | undefined} old
 */
function judgeAgain(data, state, m, i, old) {
  const { iou, by } = state;
  const image = data.images[i];
  const threshold = thresholdFor(data, state, m, image);
  const { predictions, anyDefect } = image.runs[m];
  const count = anyDefect === undefined ? countAbove(predictions, threshold) : Number(predictions.length > 0 && anyDefect >= threshold);
  if (!old || old.count !== count || old.by !== by || !sameMatches(image.runs[m], old.iou, iou, by)) return judgeImage(image, m, count, iou, by);
  old.iou = iou;
  return old;
}
