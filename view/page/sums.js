// Sums over the images that follow the thresholds. Where few images were judged again, only these are counted again.

/**
 * A sum: its value without an image, and how the judgements of an image, by run, change it; `sign` is -1 to take them out.
 * @template S
 * @typedef {{start: () => S, add: (sum: S, image: PageImage, ones: Judgement[], sign: 1 | -1) => void}} Sum
 */

/**
 * The sum over all images.
 * @template S
 * @param {PageData} data
 * @param {Judged} judged
 * @param {Sum<S>} sum
 */
export function sumOf(data, judged, sum) {
  const value = sum.start();
  addImages(value, data, data.images.keys(), judged, sum, 1);
  return value;
}

/**
 * A function that gives the same sum; the value is changed by the next call.
 * @template S
 * @param {PageData} data
 * @param {Sum<S>} sum
 */
export function runningSum(data, sum) {
  /** @type {S | null} */
  let value = null;
  /** @type {Judged} */
  let last = [];
  return (/** @type {Judged} */ judged) => {
    const changed = value === null ? [] : changedImages(last, judged);
    if (value === null || changed.length > data.images.length / 2) value = sumOf(data, judged, sum);
    else {
      addImages(value, data, changed, last, sum, -1);
      addImages(value, data, changed, judged, sum, 1);
    }
    last = [...judged];
    return value;
  };
}

/**
 * @template S
 * @param {S} value
 * @param {PageData} data
 * @param {Iterable<number>} indices
 * @param {Judged} judged
 * @param {Sum<S>} sum
 * @param {1 | -1} sign
 */
function addImages(value, { images }, indices, judged, { add }, sign) {
  const ones = judged.map(([first]) => first); // one list for all images: a new one each time is slow
  for (const i of indices) {
    for (let m = 0; m < ones.length; m++) ones[m] = judged[m][i];
    add(value, images[i], ones, sign);
  }
}

/** @type {WeakMap<Judgement[], {last: WeakRef<Judgement[]>, changed: number[]}>} kept, because several sums ask for the same */
const changesOfRun = new WeakMap();

/**
 * The indices of the images with another judgement.
 * @param {Judged} last
 * @param {Judged} judged
 */
function changedImages(last, judged) {
  if (judged.length === 1) return changedOfRun(last[0], judged[0]);
  return [...new Set(judged.flatMap((run, m) => changedOfRun(last[m], run)))];
}

/**
 * @param {Judgement[]} last
 * @param {Judgement[]} run
 */
function changedOfRun(last, run) {
  if (last === run) return [];
  const known = changesOfRun.get(run);
  if (known?.last.deref() === last) return known.changed;
  /** @type {number[]} */
  const changed = [];
  for (let i = 0; i < run.length; i++) if (run[i] !== last[i]) changed.push(i);
  changesOfRun.set(run, { last: new WeakRef(last), changed });
  return changed;
}
