// Thresholds for display: never above the exact value, and with the same counts when they are typed in.

const FEWEST_DIGITS = 3;
const MOST_DIGITS = 17;

/** @type {WeakMap<PageData, Float64Array[]>} */
const scoresOf = new WeakMap();

/**
 * Every score of a run, rising.
 * @param {PageData} data
 * @param {number} model
 */
export function allScores(data, model) {
  let scores = scoresOf.get(data);
  if (!scores) {
    scores = data.models.map((_, m) => Float64Array.from(data.images.flatMap(({ runs }) => runs[m].predictions.map((p) => p.score))).sort());
    scoresOf.set(data, scores);
  }
  return scores[model];
}

/**
 * The index of the first of `rising` that is at least `value`.
 * @param {ArrayLike<number>} rising
 * @param {number} value
 */
export function firstAtLeast(rising, value) {
  let low = 0;
  let high = rising.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (rising[middle] < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The shortest decimal number that counts the same predictions of a run as `threshold` and is not above it.
 * @param {PageData} data
 * @param {number} model
 * @param {number} threshold
 */
export function shownThreshold(data, model, threshold) {
  const scores = allScores(data, model);
  const below = scores[firstAtLeast(scores, threshold) - 1] ?? -1;
  return roundedDown(threshold, below);
}

/**
 * `value` rounded down to the fewest digits that keep it above `below`, as text.
 * @param {number} value
 * @param {number} below
 */
export function roundedDown(value, below) {
  for (let digits = FEWEST_DIGITS; digits < MOST_DIGITS; digits++) {
    let text = value.toFixed(digits);
    if (Number(text) > value) text = (Number(text) - 10 ** -digits).toFixed(digits);
    if (Number(text) > below && Number(text) <= value) return text;
  }
  return String(value);
}
