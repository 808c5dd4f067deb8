// Descriptions of images, truths and predictions.

import { count, fixed } from "./format.js";
import { FOUND_TWICE, IGNORED, MISSED, NOTHING_THERE, POORLY_LOCATED, RIGHT, WRONG_TYPE, meanOverlap } from "./judge.js";
import { changeOf } from "./filters.js";

/** @typedef {{words: string, mood: "good" | "bad" | "warn" | "plain"}} Caption */

/** @type {Record<Verdict, string>} */
const PREDICTION_TEXT = {
  [RIGHT]: "right",
  [WRONG_TYPE]: "on a defect of another type",
  [POORLY_LOCATED]: "overlaps a defect of its type too little",
  [FOUND_TWICE]: "on a defect that is already found",
  [NOTHING_THERE]: "nothing there",
  [MISSED]: "missed",
  [IGNORED]: "inside an ignore region, not counted",
};

/**
 * The line under a tile.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {Judged} judged
 * @returns {Caption}
 */
export function caption(data, image, judged) {
  if (!judged.length) {
    const types = [...new Set(image.truths.map((truth) => data.types[truth.type].name))].join(", ");
    return { words: image.good ? "good" : `${types} · ${count(image.truths.length, "annotation")}`, mood: "plain" };
  }
  const [first, second] = judged.map((judgements) => judgements[image.index]);
  if (!data.hasTruth) {
    return { words: first.count ? count(first.count, "prediction") : "nothing found", mood: first.count ? "warn" : "plain" };
  }
  return second ? comparison(first, second) : verdict(image, first);
}

/**
 * @param {Judgement} first
 * @param {Judgement} second
 * @returns {Caption}
 */
function comparison(first, second) {
  const [before, after] = [first, second].map((one) => one.wrong + one.unfound);
  const change = changeOf(first, second);
  if (change === "same") return { words: `no change, ${before ? count(before, "error") : "all right"}`, mood: "plain" };
  const located = `IoU ${fixed(meanOverlap(first))} → ${fixed(meanOverlap(second))}`;
  const errors = before === after ? located : `${before} → ${count(after, "error")}`;
  return { words: `${change} in B: ${errors}`, mood: change === "better" ? "good" : "bad" };
}

/**
 * @param {PageImage} image
 * @param {Judgement} one
 * @returns {Caption}
 */
function verdict(image, one) {
  if (one.miss) return { words: "missed", mood: "bad" };
  if (one.alarm) return { words: `false alarm · ${count(one.wrong, "prediction")}`, mood: "bad" };
  if (image.good) return { words: "good, nothing found", mood: "good" };
  const parts = [`${one.right} of ${image.truths.length} found`];
  for (const word of [WRONG_TYPE, POORLY_LOCATED, FOUND_TWICE]) {
    const number = one.predictionVerdicts.filter((v) => v === word).length;
    if (number) parts.push(number > 1 ? `${number} ${word}` : word);
  }
  const extra = one.predictionVerdicts.filter((v) => v === NOTHING_THERE).length;
  if (extra) parts.push(`${extra} too many`);
  return { words: parts.join(" · "), mood: one.wrong + one.unfound === 0 ? "good" : "warn" };
}

/**
 * Size and position of a box in pixels.
 * @param {Box} box
 */
export function boxText([x, y, width, height]) {
  return `${rounded(width)} × ${rounded(height)} px at ${rounded(x)}, ${rounded(y)}`;
}

/** @param {number} value */
function rounded(value) {
  return String(Math.round(value * 10) / 10);
}

/**
 * The verdict on truth `t` under one run.
 * @param {PageImage} image
 * @param {number} model
 * @param {Judgement} one
 * @param {number} t
 */
export function truthText(image, model, one, t) {
  const truthVerdict = one.truthVerdicts[t];
  if (truthVerdict === RIGHT) {
    const p = one.finders[t];
    return `found, score ${fixed(image.runs[model].predictions[p].score)}, IoU ${fixed(one.overlaps[p])}`;
  }
  if (truthVerdict === MISSED) return "not found";
  return truthVerdict === WRONG_TYPE ? "found as another type" : "found, but poorly located";
}

/**
 * The verdict on prediction `p`.
 * @param {Judgement} one
 * @param {number} p
 */
export function predictionText(one, p) {
  const predictionVerdict = one.predictionVerdicts[p];
  if (predictionVerdict === RIGHT) return `right, matches annotation ${one.matched[p] + 1} with IoU ${fixed(one.overlaps[p])}`;
  return PREDICTION_TEXT[predictionVerdict];
}
