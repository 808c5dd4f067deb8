// Which images are shown, and in which order.

import { FOUND_TWICE, MISSED, NOTHING_THERE, POORLY_LOCATED, WRONG_TYPE, thresholdFor } from "./judge.js";
import { sizeOf } from "./measure.js";

const LOCATED_BETTER = 0.05;

/** Kinds of image to show: key, name, what it means, and whether `judged` of an image is of that kind. */
export const KINDS = [
  ["missed", "Missed", "defective images on which nothing is found", (image, one) => one.miss],
  ["part", "Defect not found", "images with a defect that no prediction comes near",
    (image, one) => one.truthVerdicts.includes(MISSED)],
  ["wrong", "Wrong type", "a defect found, but as another type",
    (image, one) => one.truthVerdicts.includes(WRONG_TYPE) || one.predictionVerdicts.includes(WRONG_TYPE)],
  ["poor", "Poorly located", "a prediction that overlaps a defect too little",
    (image, one) => one.truthVerdicts.includes(POORLY_LOCATED) || one.predictionVerdicts.includes(POORLY_LOCATED)],
  ["extra", "Found too much", "defective images with a prediction where nothing is, or with a defect found twice",
    (image, one) => !image.good
      && (one.predictionVerdicts.includes(NOTHING_THERE) || one.predictionVerdicts.includes(FOUND_TWICE))],
  ["alarm", "False alarm", "good images on which something is found", (image, one) => one.alarm],
  ["right", "All right", "nothing missed, nothing too much", (image, one) => one.wrong + one.unfound === 0],
];

export const STOCK = [
  ["defective", "With defects", "images with at least one annotation", (image) => !image.good],
  ["good", "Good", "images without annotation", (image) => image.good],
];

/** Kinds where there is no truth to judge by. */
export const UNJUDGED = [
  ["found", "Something found", "images with a prediction", (image, one) => one.count > 0],
  ["empty", "Nothing found", "images without a prediction", (image, one) => one.count === 0],
];

/** The kinds that make sense for the data, as [key, name, meaning]. */
export function kindsFor(data) {
  if (!data.hasTruth) return UNJUDGED;
  return [...STOCK, ...(data.models.length ? KINDS : []), ...(data.models.length > 1 ? CHANGES : [])];
}

export const CHANGES = [
  ["better", "Better in B", "fewer errors in the second run, or the same and better located"],
  ["worse", "Worse in B", "more errors in the second run, or the same and located worse"],
  ["same", "No change", "as many errors in both runs, located alike"],
];

/** Whether the second run does better, worse or the same on an image. */
export function changeOf(first, second) {
  const errors = second.wrong + second.unfound - first.wrong - first.unfound;
  if (errors) return errors < 0 ? "better" : "worse";
  const gain = meanOverlap(second) - meanOverlap(first);
  return Math.abs(gain) <= LOCATED_BETTER ? "same" : gain > 0 ? "better" : "worse";
}

/** Mean IoU of the right predictions, 0 where there is none. */
export function meanOverlap({ overlaps }) {
  const known = overlaps.filter((v) => v !== null);
  return known.length ? known.reduce((sum, v) => sum + v, 0) / known.length : 0;
}

/** The test whether an image is of the kind `key` under the judged runs. */
function kindTest(key, judged, focus) {
  const stock = STOCK.find(([name]) => name === key);
  if (stock) return stock[3];
  const kind = [...KINDS, ...UNJUDGED].find(([name]) => name === key);
  if (kind) return (image) => judged.length > 0 && kind[3](image, judged[focus][image.index]);
  return (image) => judged.length === 2 && changeOf(judged[0][image.index], judged[1][image.index]) === key;
}

/** How many images are of each kind, type and size: {kinds, types, sizes} as maps from key to number. */
export function facetCounts(data, judged, { focus }) {
  const kinds = new Map(kindsFor(data).map(([key]) => [key, 0]));
  const types = new Map(data.types.map((_, type) => [type, 0]));
  const sizes = new Map(["small", "medium", "large"].map((size) => [size, 0]));
  const rise = (counts, key) => counts.set(key, counts.get(key) + 1);
  for (const image of data.images) {
    for (const key of kindsOf(data, image, judged, focus)) rise(kinds, key);
    for (const type of typesOf(image, judged, focus)) rise(types, type);
    for (const size of (image.sizes ??= new Set(image.truths.map((truth) => sizeOf(truth.area))))) rise(sizes, size);
  }
  return { kinds, types, sizes };
}

// What is said of an image hangs on its judgement alone, so it is kept there; only a comparison needs two.
function kindsOf(data, image, judged, focus) {
  const one = judged.length ? judged[focus][image.index] : null;
  if (one && !data.hasTruth) return UNJUDGED.filter(([, , , test]) => test(image, one)).map(([key]) => key);
  const stock = image.good ? "good" : "defective";
  if (!one) return [stock];
  one.kinds ??= [stock, ...KINDS.filter(([, , , test]) => test(image, one)).map(([key]) => key)];
  return judged.length < 2 ? one.kinds : [...one.kinds, changeOf(judged[0][image.index], judged[1][image.index])];
}

/** The types of an image: of its annotations and of the predictions that count. */
function typesOf(image, judged, focus) {
  const one = judged.length ? judged[focus][image.index] : image;
  if (!one.types) {
    const found = judged.length ? image.runs[focus].predictions.slice(0, one.count) : [];
    one.types = new Set([...image.truths, ...found].map((item) => item.type));
  }
  return one.types;
}

function hasType(image, judged, focus, type) {
  return typesOf(image, judged, focus).has(type);
}

function hasSize(image, size) {
  return image.truths.some((truth) => sizeOf(truth.area) === size);
}

/** The images to show, in order; `cellImages` is the set of a clicked table cell, or null. */
export function chosenImages(data, judged, state, cellImages) {
  const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  const kinds = state.show.map((key) => kindTest(key, judged, state.focus));
  const chosen = data.images.filter((image) =>
    (!kinds.length || kinds.some((test) => test(image)))
    && (!state.types.length || state.types.some((type) => hasType(image, judged, state.focus, type)))
    && (!state.sizes.length || state.sizes.some((size) => hasSize(image, size)))
    && (!cellImages || cellImages.has(image.index))
    && hasWords(data, image, words));
  const value = sortValue(data, judged, state);
  const direction = state.falling ? -1 : 1;
  return chosen
    .map((image) => [value(image), image])
    .sort(([a, x], [b, y]) => direction * (a < b ? -1 : a > b ? 1 : 0) || x.index - y.index)
    .map(([, image]) => image);
}

function hasWords(data, image, words) {
  if (!words.length) return true;
  const text = `${image.name} ${image.split} ${image.truths.map((t) => data.types[t.type].name).join(" ")}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

/** Orders: key, name, how many runs it needs, whether it needs the truth. Each starts with what deserves a look. */
export const SORTS = [
  ["name", "File name", 0, false],
  ["score", "Highest score", 1, false],
  ["doubt", "Nearest to the threshold", 1, false],
  ["overlap", "Worst IoU", 1, true],
  ["missed", "Missed area", 1, true],
  ["errors", "Most errors", 1, true],
  ["area", "Defect area", 0, true],
  ["change", "Change from A to B", 2, true],
];

function sortValue(data, judged, state) {
  const { sort, focus } = state;
  const one = (image) => judged[focus][image.index];
  const top = (image) => image.runs[focus].predictions[0]?.score ?? 0;
  const area = (image, keep) => image.truths.reduce((sum, truth, t) => sum + (keep(t) ? truth.area : 0), 0);
  const values = {
    name: (image) => image.index,
    area: (image) => -area(image, () => true),
    score: (image) => -top(image),
    doubt: (image) => Math.abs(top(image) - thresholdFor(data, state, focus, image)),
    overlap: (image) => worstOverlap(image, one(image)),
    missed: (image) => -area(image, (t) => one(image).finders[t] < 0),
    errors: (image) => -(one(image).wrong + one(image).unfound),
    change: (image) => change(judged[0][image.index], judged[1][image.index]),
  };
  const needs = SORTS.find(([key]) => key === sort)?.[2] ?? 3;
  return judged.length >= needs ? values[sort] : values.name;
}

// Images without a defect come last, a defect that is not found counts as IoU 0.
function worstOverlap(image, one) {
  if (image.good) return 2;
  return Math.min(...one.finders.map((p) => (p < 0 ? 0 : one.overlaps[p])));
}

function change(first, second) {
  return second.wrong + second.unfound - first.wrong - first.unfound
    + 0.1 * (meanOverlap(first) - meanOverlap(second));
}
