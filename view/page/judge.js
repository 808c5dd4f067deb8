// Which predictions meet which annotations, the same way as evaluate/matching.py does it.

export const RIGHT = "right";
export const WRONG_TYPE = "wrong type";
export const POORLY_LOCATED = "poorly located";
export const FOUND_TWICE = "found twice";
export const NOTHING_THERE = "nothing there";
export const MISSED = "missed";

const NEAR = 0.1;
const ALMOST_ONE = 1 - 1e-10;

/**
 * The score from which predictions of a run count on an image: the one set, or, where none is set because the run is a
 * cross-validation, the operating point of the fold that tested the image.
 */
export function thresholdFor(data, state, model, image) {
  return state.thresholds[model] ?? operatingThreshold(data, model, image);
}

/** The operating point of a run on an image, null where it has none. */
export function operatingThreshold(data, model, image) {
  const { foldThresholds, threshold } = data.models[model];
  return foldThresholds[image.folds[model] - 1] ?? threshold;
}

/** How many of the predictions, sorted by falling score, reach the threshold. */
export function countAbove(predictions, threshold) {
  let low = 0;
  let high = predictions.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (predictions[middle].score >= threshold) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * For each of the first `count` predictions the truth it meets, or -1: by falling score, each takes the free truth of
 * its type (or of any type) that it overlaps most, at `iou` or more; of equal ones the last. `by` is boxes or masks.
 */
export function matchPredictions(truths, { predictions, pairs }, count, iou, by, anyType = false) {
  const taken = new Array(truths.length).fill(false);
  const met = [];
  for (let p = 0; p < count; p++) {
    let best = -1;
    let most = Math.min(iou, ALMOST_ONE);
    for (const pair of pairs[p]) {
      const fits = anyType || truths[pair.truth].type === predictions[p].type;
      if (!fits || taken[pair.truth] || pair[by] < most) continue;
      best = pair.truth;
      most = pair[by];
    }
    if (best >= 0) taken[best] = true;
    met.push(best);
  }
  return met;
}

/** Everything the page says about one image under the first `count` predictions of a run, at an IoU of boxes or masks. */
export function judgeImage(image, model, count, iou, by) {
  const run = image.runs[model];
  const met = matchPredictions(image.truths, run, count, iou, by);
  const finders = image.truths.map(() => -1);
  met.forEach((truth, p) => { if (truth >= 0) finders[truth] = p; });
  const right = met.filter((truth) => truth >= 0).length;
  const predictionVerdicts = met.map((truth, p) => (truth >= 0 ? RIGHT : predictionVerdict(image, run, p, iou, by)));
  const truthVerdicts = finders.map((p, t) => (p >= 0 ? RIGHT : truthVerdict(image, run, count, t, iou, by)));
  const overlaps = met.map((truth, p) => (truth >= 0 ? run.pairs[p].find((pair) => pair.truth === truth)[by] : null));
  return {
    count, iou, by, met, finders, overlaps, predictionVerdicts, truthVerdicts, right,
    wrong: count - right,
    unfound: image.truths.length - right,
    miss: !image.good && count === 0,
    alarm: image.good && count > 0,
  };
}

/** As `met`, whatever the type; worked out when first asked for. */
export function crossType(image, model, one) {
  one.crossed ??= matchPredictions(image.truths, image.runs[model], one.count, one.iou, one.by, true);
  return one.crossed;
}

function predictionVerdict(image, run, p, iou, by) {
  let verdict = NOTHING_THERE;
  for (const pair of run.pairs[p]) {
    const same = image.truths[pair.truth].type === run.predictions[p].type;
    if (pair[by] >= iou) {
      if (same) return FOUND_TWICE;
      verdict = WRONG_TYPE;
    } else if (same && pair[by] >= NEAR && verdict === NOTHING_THERE) verdict = POORLY_LOCATED;
  }
  return verdict;
}

function truthVerdict(image, run, count, t, iou, by) {
  let verdict = MISSED;
  for (let p = 0; p < count; p++) {
    for (const pair of run.pairs[p]) {
      if (pair.truth !== t) continue;
      const same = image.truths[t].type === run.predictions[p].type;
      if (!same && pair[by] >= iou) return WRONG_TYPE;
      if (same && pair[by] >= NEAR) verdict = POORLY_LOCATED;
    }
  }
  return verdict;
}
