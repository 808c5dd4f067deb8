// Choose the images to show.

import { REPAIRS, changeOf } from "./cost.js";
import { FOUND_TWICE, MISSED, NOTHING_THERE, POORLY_LOCATED, WRONG_TYPE } from "./judge.js";
import { SIZES, sizeOf } from "./measure.js";
import { sortValue } from "./sort.js";

/**
 * @typedef {(image: PageImage, one: Judgement) => boolean} Test
 * @typedef {[key: string, test: Test]} TestedKind
 */

/**
 * Kinds of image that depend on the predictions. kind.KEY and kind.KEY.meaning in languages/ describe them. Reasons
 * follow their kind; a defect of a wrong type or a poorly located one is also a false prediction.
 * @type {TestedKind[]}
 */
export const KINDS = [
  ["missed", (_, one) => one.miss],
  ["alarm", (_, one) => one.alarm],
  ["unfound", (_, one) => one.unfound > 0],
  ["part", (_, one) => one.truthVerdicts.includes(MISSED)],
  ["wrong", (_, one) => one.truthVerdicts.includes(WRONG_TYPE) || one.predictionVerdicts.includes(WRONG_TYPE)],
  ["poor", (_, one) => one.truthVerdicts.includes(POORLY_LOCATED) || one.predictionVerdicts.includes(POORLY_LOCATED)],
  ["false", (_, one) => one.wrong > 0],
  ["extra", (_, one) => (one.predictionVerdicts.includes(NOTHING_THERE) || one.predictionVerdicts.includes(FOUND_TWICE))],
  ["hit", (_, one) => one.right > 0],
  ["right", (_, one) => one.wrong + one.unfound === 0],
  ["suspect", (image) => image.suspects.length > 0],
];

/** @type {[key: string, test: (image: PageImage) => boolean][]} */
export const STOCK = [
  ["defective", (image) => !image.good],
  ["good", (image) => image.good],
];

/** The kind of the images with a note of the reader: the last of all, because it is shown only if there is one. */
export const NOTED = "noted";

/**
 * Kinds of image if there is no truth.
 * @type {TestedKind[]}
 */
export const UNJUDGED = [
  ["found", (_, one) => one.count > 0],
  ["empty", (_, one) => one.count === 0],
];

/** Kinds of image in a comparison of two runs. */
const CHANGES = [...Object.keys(REPAIRS), "better", "worse", "same"];

/**
 * The kinds that apply to the data.
 * @param {PageData} data
 * @returns {string[]}
 */
export function kindsFor(data) {
  if (!data.hasTruth) return [...UNJUDGED.map(([key]) => key), NOTED];
  const judged = data.models.length ? KINDS.map(([key]) => key).filter((key) => ofWholeImages(data, key)) : [];
  return [...STOCK.map(([key]) => key), ...judged, ...changesFor(data), NOTED];
}

/**
 * The kinds of a comparison that apply to the data: whole images have no defects of their own.
 * @param {PageData} data
 */
export function changesFor({ models, judging }) {
  return models.length < 2 ? [] : CHANGES.filter((key) => judging === "defects" || !["gained", "lost"].includes(key));
}

/**
 * Whether a kind applies to what is judged: whole images are never poorly located.
 * @param {PageData} data
 * @param {string} key
 */
function ofWholeImages({ judging }, key) {
  if (judging === "defects") return true;
  return ["missed", "alarm", "right", "suspect", ...(judging === "types" ? ["wrong"] : [])].includes(key);
}

/**
 * The function that tests whether an image is of the kind `key`, given the judged runs.
 * @param {string} key
 * @param {Judged} judged
 * @param {State} state
 * @returns {(image: PageImage) => boolean}
 */
function kindTest(key, judged, state) {
  if (key === NOTED) return (image) => Boolean(state.notes[image.name]);
  const stock = STOCK.find(([name]) => name === key);
  if (stock) return stock[1];
  const kind = [...KINDS, ...UNJUDGED].find(([name]) => name === key);
  if (kind) return (image) => judged.length > 0 && kind[1](image, judged[state.focus][image.index]);
  return (image) => judged.length > 1 && changesOf(image, judged, state).includes(key);
}

/**
 * The number of images of each kind, type and size.
 * @param {PageData} data
 * @param {Judged} judged
 * @param {State} state
 * @returns {FacetCounts}
 */
export function facetCounts(data, judged, state) {
  const { focus } = state;
  const kinds = new Map(kindsFor(data).map((key) => [key, 0]));
  const types = new Map(data.types.map((_, type) => [type, 0]));
  const sizes = new Map(SIZES.map((size) => [size, 0]));
  for (const image of data.images) {
    for (const key of kindsOf(data, image, judged, state)) increment(kinds, key);
    if (state.notes[image.name]) increment(kinds, NOTED);
    for (const type of typesOf(image, judged, focus)) increment(types, type);
    image.sizes ??= new Set(image.truths.map((truth) => sizeOf(truth.area)));
    for (const size of image.sizes) increment(sizes, size);
  }
  return { kinds, types, sizes };
}

/**
 * @template K
 * @param {Map<K, number>} counts
 * @param {K} key
 */
function increment(counts, key) {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/**
 * The kinds of an image. Kinds of one run depend only on its judgement and are stored there; a comparison needs two runs.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {Judged} judged
 * @param {State} state
 */
function kindsOf(data, image, judged, state) {
  const { focus } = state;
  const one = judged.length ? judged[focus][image.index] : null;
  if (one && !data.hasTruth) return UNJUDGED.filter(([, test]) => test(image, one)).map(([key]) => key);
  const stock = image.good ? "good" : "defective";
  if (!one) return [stock];
  one.kinds ??= [stock, ...KINDS.filter(([, test]) => test(image, one)).map(([key]) => key)];
  return judged.length < 2 ? one.kinds : [...one.kinds, ...changesOf(image, judged, state)];
}

/**
 * The kinds of an image in the comparison of the two runs of the pair.
 * @param {PageImage} image
 * @param {Judged} judged
 * @param {State} state
 */
function changesOf(image, judged, { pair, costs }) {
  const [first, second] = pair.map((m) => judged[m][image.index]);
  const repairs = Object.keys(REPAIRS).filter((key) => REPAIRS[key](first, second));
  return [...repairs, changeOf(first, second, costs)];
}

/**
 * The types of the annotations and the counting predictions of an image.
 * @param {PageImage} image
 * @param {Judged} judged
 * @param {number} focus
 */
function typesOf(image, judged, focus) {
  const one = judged.length ? judged[focus][image.index] : null;
  const owner = one ?? image;
  if (!owner.types) {
    const predictions = one ? image.runs[focus].predictions.slice(0, one.count) : [];
    owner.types = new Set([...image.truths, ...predictions].map((item) => item.type));
  }
  return owner.types;
}

/**
 * @param {PageImage} image
 * @param {Size} size
 */
function hasSize(image, size) {
  return image.truths.some((truth) => sizeOf(truth.area) === size);
}

/**
 * The images to show, in order; `cellImages` are the indices behind a clicked table cell, or null.
 * @param {PageData} data
 * @param {Judged} judged
 * @param {State} state
 * @param {Set<number> | null} cellImages
 */
export function chosenImages(data, judged, state, cellImages) {
  const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  const kinds = state.show.map((key) => kindTest(key, judged, state));
  const chosen = data.images.filter((image) =>
    (!kinds.length || kinds.some((test) => test(image)))
    && (!state.types.length || state.types.some((type) => typesOf(image, judged, state.focus).has(type)))
    && (!state.sizes.length || state.sizes.some((size) => hasSize(image, size)))
    && (!cellImages || cellImages.has(image.index))
    && hasWords(data, image, words, state.notes[image.name] ?? ""));
  const value = sortValue(data, judged, state);
  const direction = state.falling ? -1 : 1;
  return chosen
    .map((image) => ({ value: value(image), image }))
    .sort((a, b) => direction * (a.value - b.value) || a.image.index - b.image.index)
    .map(({ image }) => image);
}

/**
 * @param {PageData} data
 * @param {PageImage} image
 * @param {string[]} words
 * @param {string} note
 */
function hasWords(data, image, words, note) {
  if (!words.length) return true;
  const types = image.truths.map((truth) => data.types[truth.type].name).join(" ");
  const text = `${image.name} ${image.split} ${types} ${note}`.toLowerCase();
  return words.every((word) => text.includes(word));
}
