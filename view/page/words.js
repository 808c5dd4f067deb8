// Descriptions of images, truths and predictions.

import { LETTERS, fixed } from "./format.js";
import { changeOf, imageCost } from "./cost.js";
import { FOUND_TWICE, MISSED, NOTHING_THERE, POORLY_LOCATED, RIGHT, WRONG_TYPE, meanOverlap } from "./judge.js";
import { typeCaption } from "./image_words.js";
import { text } from "./language.js";
import { shownRuns } from "./pair.js";

/** @typedef {{words: string, mood: "good" | "bad" | "warn" | "plain"}} Caption */

/**
 * The line under a tile.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {Judged} judged
 * @param {State} state
 * @returns {Caption}
 */
export function caption(data, image, judged, state) {
  if (data.judging === "types") return typeCaption(data, image, judged, state);
  if (!judged.length) {
    const types = [...new Set(image.truths.map((truth) => data.types[truth.type].name))].join(", ");
    return { words: image.good ? text("caption.good") : `${types} · ${text("annotations", { n: image.truths.length })}`, mood: "plain" };
  }
  const [first, second] = shownRuns(data, state).map((m) => judged[m][image.index]);
  if (!data.hasTruth) {
    return { words: first.count ? text("predictions", { n: first.count }) : text("caption.nothing"), mood: first.count ? "warn" : "plain" };
  }
  return second ? comparison(first, second, state) : verdict(image, first);
}

/**
 * @param {Judgement} first
 * @param {Judgement} second
 * @param {State} state
 * @returns {Caption}
 */
function comparison(first, second, { costs, pair }) {
  const [before, after] = [first, second].map((one) => imageCost(one, costs));
  const change = changeOf(first, second, costs);
  if (change === "same") return { words: before ? text("caption.same", { cost: before }) : text("caption.same_right"), mood: "plain" };
  const located = text("caption.located", { from: fixed(meanOverlap(first)), to: fixed(meanOverlap(second)) });
  const errors = before === after ? located : text("caption.errors", { before, after });
  return { words: text(`caption.${change}`, { errors, letter: LETTERS[pair[1]] }), mood: change === "better" ? "good" : "bad" };
}

/**
 * @param {PageImage} image
 * @param {Judgement} one
 * @returns {Caption}
 */
function verdict(image, one) {
  if (one.miss) return { words: text("caption.missed"), mood: "bad" };
  if (one.alarm) return { words: text("caption.alarm", { n: one.wrong }), mood: "bad" };
  if (image.good) return { words: text("caption.quiet"), mood: "good" };
  const parts = [text("caption.found", { n: one.right, whole: image.truths.length })];
  for (const word of [WRONG_TYPE, POORLY_LOCATED, FOUND_TWICE]) {
    const number = one.predictionVerdicts.filter((v) => v === word).length;
    if (number) parts.push(number > 1 ? `${number} ${text(`verdict.${word}`)}` : text(`verdict.${word}`));
  }
  const extra = one.predictionVerdicts.filter((v) => v === NOTHING_THERE).length;
  if (extra) parts.push(text("caption.extra", { n: extra }));
  return { words: parts.join(" · "), mood: one.wrong + one.unfound === 0 ? "good" : "warn" };
}

/**
 * Size and position of a box in pixels.
 * @param {Box} box
 */
export function boxText([x, y, width, height]) {
  return text("box", { width: rounded(width), height: rounded(height), x: rounded(x), y: rounded(y) });
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
    if (one.overlaps[p] === null) return text("truth.found_image", { score: fixed(image.runs[model].predictions[p].score) });
    return text("truth.found", { score: fixed(image.runs[model].predictions[p].score), iou: fixed(one.overlaps[p]) });
  }
  if (truthVerdict === MISSED) return text("truth.missed");
  return text(truthVerdict === WRONG_TYPE ? "truth.wrong_type" : "truth.poorly_located");
}

/**
 * The verdict on prediction `p`.
 * @param {Judgement} one
 * @param {number} p
 */
export function predictionText(one, p) {
  const predictionVerdict = one.predictionVerdicts[p];
  if (predictionVerdict === RIGHT && one.overlaps[p] === null) return text("prediction.right_image");
  if (predictionVerdict === RIGHT) return text("prediction.right", { n: one.matched[p] + 1, iou: fixed(one.overlaps[p]) });
  return text(`prediction.${predictionVerdict}`);
}
