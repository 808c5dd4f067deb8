// The images that a move of a threshold may change, so that only these are judged again.

const BUCKETS = 1024;

/** @typedef {"scores" | IouKind} ValueKind */
/** @typedef {{starts: Int32Array, images: Int32Array}} Buckets - images by the values in each of BUCKETS parts of 0 to 1 */

/** @type {WeakMap<PageData, Map<string, Buckets>>} */
const bucketsOf = new WeakMap();

/**
 * Set `marks` of all images with a value from the lower of two thresholds to below the higher one, and of some others. Scores
 * count from the threshold up, and so do overlaps.
 * @param {Uint8Array} marks
 * @param {PageData} data
 * @param {number} model
 * @param {ValueKind} kind
 * @param {number} first
 * @param {number} second
 */
export function markBetween(marks, data, model, kind, first, second) {
  const { starts, images } = bucketsFor(data, model, kind);
  const end = starts[bucket(Math.max(first, second)) + 1];
  for (let at = starts[bucket(Math.min(first, second))]; at < end; at++) marks[images[at]] = 1;
}

/**
 * Kept, because sorting takes a while; called early, so that the first move of a slider is as quick as the next.
 * @param {PageData} data
 * @param {number} model
 * @param {ValueKind} kind
 * @returns {Buckets}
 */
export function bucketsFor(data, model, kind) {
  const kept = bucketsOf.get(data) ?? new Map();
  bucketsOf.set(data, kept);
  const key = `${model} ${kind}`;
  if (!kept.has(key)) kept.set(key, sortImages(data, model, kind));
  return /** @type {Buckets} */ (kept.get(key));
}

/** @param {number} value */
function bucket(value) {
  return Math.min(BUCKETS - 1, Math.max(0, Math.floor(value * BUCKETS)));
}

/**
 * @param {PageData} data
 * @param {number} model
 * @param {ValueKind} kind
 * @returns {Buckets}
 */
function sortImages(data, model, kind) {
  const starts = new Int32Array(BUCKETS + 1);
  data.images.forEach(({ runs }) => { eachValue(runs[model], kind, (value) => { starts[bucket(value) + 1]++; }); });
  for (let i = 0; i < BUCKETS; i++) starts[i + 1] += starts[i];
  const images = new Int32Array(starts[BUCKETS]);
  const next = starts.slice();
  data.images.forEach(({ runs }, i) => { eachValue(runs[model], kind, (value) => { images[next[bucket(value)]++] = i; }); });
  return { starts, images };
}

/**
 * @param {RunPredictions} run
 * @param {ValueKind} kind
 * @param {(value: number) => void} use
 */
function eachValue({ predictions, pairs, inside, anyDefect }, kind, use) {
  if (kind === "scores") {
    if (anyDefect !== undefined) use(anyDefect);
    else for (const { score } of predictions) use(score);
    return;
  }
  for (const of of pairs) for (const pair of of) use(pair[kind]);
  for (const of of inside ?? []) for (const region of of) use(region[kind]);
}
