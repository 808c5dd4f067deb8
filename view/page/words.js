// What there is to say about an image, in words.

import { count, fixed } from "./format.js";
import { FOUND_TWICE, MISSED, NOTHING_THERE, POORLY_LOCATED, RIGHT, WRONG_TYPE } from "./judge.js";
import { changeOf, meanOverlap } from "./filters.js";

/** One line under a tile and its mood: good, bad, warn or plain. */
export function caption(data, image, judged) {
  if (!judged.length) {
    const types = [...new Set(image.truths.map((truth) => data.types[truth.type].name))].join(", ");
    return { words: image.good ? "good" : `${types} · ${count(image.truths.length, "annotation")}`, mood: "plain" };
  }
  const each = judged.map((ones) => ones[image.index]);
  if (!data.hasTruth) {
    const found = each[0].count;
    return { words: found ? count(found, "prediction") : "nothing found", mood: found ? "warn" : "plain" };
  }
  return each.length === 1 ? verdict(image, each[0]) : comparison(...each);
}

function comparison(first, second) {
  const [before, after] = [first, second].map((one) => one.wrong + one.unfound);
  const change = changeOf(first, second);
  if (change === "same") return { words: `no change, ${before ? count(before, "error") : "all right"}`, mood: "plain" };
  const located = `IoU ${fixed(meanOverlap(first))} → ${fixed(meanOverlap(second))}`;
  const errors = before === after ? located : `${before} → ${count(after, "error")}`;
  return { words: `${change} in B: ${errors}`, mood: change === "better" ? "good" : "bad" };
}

function verdict(image, one) {
  if (one.miss) return { words: "missed", mood: "bad" };
  if (one.alarm) return { words: `false alarm · ${count(one.count, "prediction")}`, mood: "bad" };
  if (image.good) return { words: "good, nothing found", mood: "good" };
  const parts = [`${one.right} of ${image.truths.length} found`];
  const tally = (word, verdicts) => {
    const number = verdicts.filter((v) => v === word).length;
    if (number) parts.push(number > 1 ? `${number} ${word}` : word);
  };
  tally(WRONG_TYPE, one.predictionVerdicts);
  tally(POORLY_LOCATED, one.predictionVerdicts);
  tally(FOUND_TWICE, one.predictionVerdicts);
  const extra = one.predictionVerdicts.filter((v) => v === NOTHING_THERE).length;
  if (extra) parts.push(`${extra} too many`);
  return { words: parts.join(" · "), mood: one.wrong + one.unfound === 0 ? "good" : "warn" };
}

export function place([x, y, width, height]) {
  return `${trim(width)} × ${trim(height)} px at ${trim(x)}, ${trim(y)}`;
}

function trim(value) {
  return String(Math.round(value * 10) / 10);
}

/** What became of truth `t`. */
export function truthWords(image, model, one, t) {
  const verdict = one.truthVerdicts[t];
  if (verdict === RIGHT) {
    const p = one.finders[t];
    return `found, score ${fixed(image.runs[model].predictions[p].score)}, IoU ${fixed(one.overlaps[p])}`;
  }
  if (verdict === MISSED) return "not found";
  return verdict === WRONG_TYPE ? "found as another type" : "found, but poorly located";
}

/** What prediction `p` turned out to be. */
export function predictionWords(one, p) {
  const verdict = one.predictionVerdicts[p];
  if (verdict === RIGHT) return `right, meets annotation ${one.met[p] + 1} with IoU ${fixed(one.overlaps[p])}`;
  return { [WRONG_TYPE]: "on a defect of another type", [POORLY_LOCATED]: "overlaps a defect of its type too little",
    [FOUND_TWICE]: "on a defect that is already found", [NOTHING_THERE]: "nothing there" }[verdict];
}
