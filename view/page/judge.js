// Match predictions with annotations, by the same rule as evaluate/matching.py.

export const RIGHT = "right";
export const WRONG_TYPE = "wrong type";
export const POORLY_LOCATED = "poorly located";
export const FOUND_TWICE = "found twice";
export const NOTHING_THERE = "nothing there";
export const MISSED = "missed";
export const IGNORED = "ignored";

/** The match of a prediction inside an ignore region, which counts neither as right nor as wrong. */
export const INSIDE_REGION = -2;

/** Box IoU by which evaluate/ decides what is inside an ignore region, independent of the IoU set in the page. */
const EVALUATED_IOU = 0.5;

/** Score threshold of a run that was not evaluated, the same as in evaluate/values.py. */
export const DEFAULT_THRESHOLD = 0.25;

const MIN_NEARBY_IOU = 0.1; // from here on a prediction is poorly located rather than on nothing
export const ALMOST_ONE = 1 - 1e-10;

/**
 * The score from which predictions of a run count on an image: the threshold that is set or, in a cross-validation
 * without one, the operating point of the fold that tested the image.
 * @param {PageData} data
 * @param {State} state
 * @param {number} model
 * @param {PageImage} image
 */
export function thresholdFor(data, state, model, image) {
  return state.thresholds[model] ?? operatingThreshold(data, model, image) ?? DEFAULT_THRESHOLD;
}

/**
 * The operating point of a run on an image, null if it has none.
 * @param {PageData} data
 * @param {number} model
 * @param {PageImage} image
 */
export function operatingThreshold(data, model, image) {
  const { foldThresholds, threshold } = data.models[model];
  const fold = image.folds[model];
  return fold ? foldThresholds[fold - 1] ?? threshold : threshold;
}

/**
 * The number of predictions, sorted by falling score, that reach the threshold.
 * @param {Prediction[]} predictions
 * @param {number} threshold
 */
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
 * For each of the first `count` predictions, the truth that it matches, or -1. By falling score, each prediction takes the
 * free truth of its type (or of any type) with the largest IoU, if that is at least `iou`; of several equal ones, the
 * last. If it takes none and at least `iou` of it is inside an ignore region, its match is INSIDE_REGION.
 * @param {Truth[]} truths
 * @param {RunPredictions} run
 * @param {number} count
 * @param {number} iou
 * @param {IouKind} by
 */
export function matchPredictions(truths, { predictions, pairs, inside }, count, iou, by, anyType = false) {
  if (!truths.length && !inside) return new Array(count).fill(-1);
  const taken = new Array(truths.length).fill(false);
  const matched = [];
  for (let p = 0; p < count; p++) {
    let best = -1;
    let largest = Math.min(iou, ALMOST_ONE);
    for (const pair of pairs[p]) {
      const fits = anyType || truths[pair.truth].type === predictions[p].type;
      if (!fits || taken[pair.truth] || pair[by] < largest) continue;
      best = pair.truth;
      largest = pair[by];
    }
    if (best >= 0) taken[best] = true;
    else if (inside?.[p].some((region) => (anyType || region.type === predictions[p].type) && region[by] >= largest)) {
      best = INSIDE_REGION;
    }
    matched.push(best);
  }
  return matched;
}

/**
 * Whether two IoU thresholds lead to the same matches and verdicts on an image, because none of its overlaps is between
 * them. A step of the slider changes few images.
 * @param {RunPredictions} run
 * @param {number} first
 * @param {number} second
 * @param {IouKind} by
 */
export function sameMatches(run, first, second, by) {
  if (first > ALMOST_ONE || second > ALMOST_ONE) return first === second;
  const between = (/** @type {Pair | Inside} */ pair) => pair[by] < first !== pair[by] < second;
  return !run.pairs.some((pairs) => pairs.some(between)) && !run.inside?.some((regions) => regions.some(between));
}

/**
 * The highest score of the predictions on an image that are not inside an ignore region, null if there are none; the
 * probability of any defect where a run gives each image one type.
 * @param {PageImage} image
 * @param {number} model
 */
export function imageScore({ truths, runs }, model) {
  const run = runs[model];
  if (run.anyDefect !== undefined) return run.predictions.length ? run.anyDefect : null;
  if (!run.inside) return run.predictions[0]?.score ?? null;
  const matched = matchPredictions(truths, run, run.predictions.length, EVALUATED_IOU, "boxes");
  return run.predictions[matched.findIndex((truth) => truth !== INSIDE_REGION)]?.score ?? null;
}

/**
 * Judge the first `count` predictions of a run on one image, with an IoU threshold of boxes or masks.
 * @param {PageImage} image
 * @param {number} model
 * @param {number} count
 * @param {number} iou
 * @param {IouKind} by
 * @returns {Judgement}
 */
export function judgeImage(image, model, count, iou, by) {
  const run = image.runs[model];
  const matched = matchPredictions(image.truths, run, count, iou, by);
  const finders = image.truths.map(() => -1);
  /** @type {Verdict[]} */
  const predictionVerdicts = [];
  /** @type {(number | null)[]} */
  const overlaps = [];
  let [right, counted] = [0, 0];
  for (let p = 0; p < count; p++) { // loops: this runs for all images
    const truth = matched[p];
    if (truth >= 0) {
      finders[truth] = p;
      right++;
    }
    if (truth !== INSIDE_REGION) counted++;
    predictionVerdicts.push(truth >= 0 ? RIGHT : predictionVerdict(image, run, p, iou, by, truth));
    overlaps.push(truth >= 0 ? run.pairs[p].find((pair) => pair.truth === truth)?.[by] ?? null : null);
  }
  const truthVerdicts = finders.map((p, t) => (p >= 0 ? RIGHT : truthVerdict(image, run, count, t, iou, by)));
  if (image.judging === "images") return judgeWhole(image, matched, counted, { count, iou, by });
  return {
    count, iou, by, matched, finders, overlaps, predictionVerdicts, truthVerdicts, right,
    wrong: counted - right,
    unfound: image.truths.length - right,
    miss: !image.good && counted === 0,
    alarm: image.good && counted > 0,
  };
}

/**
 * Judge only whether an image is found defective: every prediction on a defective image is right.
 * @param {PageImage} image
 * @param {number[]} matched
 * @param {number} counted
 * @param {{count: number, iou: number, by: IouKind}} settings
 * @returns {Judgement}
 */
function judgeWhole({ truths, good }, matched, counted, settings) {
  const found = !good && counted > 0;
  const first = matched.findIndex((truth) => truth !== INSIDE_REGION);
  const whole = matched.map((truth) => (truth === INSIDE_REGION ? INSIDE_REGION : good ? -1 : 0));
  return {
    ...settings, matched: whole, finders: truths.map(() => (found ? first : -1)), overlaps: whole.map(() => null),
    predictionVerdicts: whole.map((truth) => (truth === INSIDE_REGION ? IGNORED : good ? NOTHING_THERE : RIGHT)),
    truthVerdicts: truths.map(() => (found ? RIGHT : MISSED)),
    right: found ? 1 : 0, wrong: good && counted > 0 ? 1 : 0, unfound: !good && !found ? 1 : 0,
    miss: !good && !found, alarm: good && counted > 0,
  };
}

/**
 * Mean IoU of the right predictions, 0 if there is none.
 * @param {Judgement} judgement
 */
export function meanOverlap({ overlaps }) {
  const known = overlaps.filter((value) => value !== null);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : 0;
}

/**
 * Like `matched`, but regardless of the type; computed when first needed.
 * @param {PageImage} image
 * @param {number} model
 * @param {Judgement} judgement
 */
export function crossType(image, model, judgement) {
  const { count, iou, by } = judgement;
  judgement.crossed ??= matchPredictions(image.truths, image.runs[model], count, iou, by, true);
  return judgement.crossed;
}

/**
 * @param {PageImage} image
 * @param {RunPredictions} run
 * @param {number} p
 * @param {number} iou
 * @param {IouKind} by
 * @param {number} truth
 * @returns {Verdict}
 */
function predictionVerdict(image, run, p, iou, by, truth) {
  if (truth === INSIDE_REGION) return IGNORED;
  /** @type {Verdict} */
  let verdict = NOTHING_THERE;
  for (const pair of run.pairs[p]) {
    const same = image.truths[pair.truth].type === run.predictions[p].type;
    if (pair[by] >= iou) {
      if (same) return FOUND_TWICE;
      verdict = WRONG_TYPE;
    } else if (same && pair[by] >= MIN_NEARBY_IOU && verdict === NOTHING_THERE) verdict = POORLY_LOCATED;
  }
  return verdict;
}

/**
 * @param {PageImage} image
 * @param {RunPredictions} run
 * @param {number} count
 * @param {number} t
 * @param {number} iou
 * @param {IouKind} by
 */
function truthVerdict(image, run, count, t, iou, by) {
  /** @type {Verdict} */
  let verdict = MISSED;
  for (let p = 0; p < count; p++) {
    for (const pair of run.pairs[p]) {
      if (pair.truth !== t) continue;
      const same = image.truths[t].type === run.predictions[p].type;
      if (!same && pair[by] >= iou) return WRONG_TYPE;
      if (same && pair[by] >= MIN_NEARBY_IOU) verdict = POORLY_LOCATED;
    }
  }
  return verdict;
}
