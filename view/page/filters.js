// Choose the images to show.

import { REPAIRS, START_COSTS, changeOf } from "./cost.js";
import { FOUND_TWICE, MISSED, NOTHING_THERE, POORLY_LOCATED, WRONG_TYPE } from "./judge.js";
import { SIZES, sizeOf } from "./measure.js";
import { sortValue } from "./sort.js";
import { runningSum, sumOf } from "./sums.js";

/**
 * @typedef {(image: PageImage, one: Judgement) => boolean} Test
 * @typedef {[key: string, test: Test]} TestedKind
 * @typedef {{kinds: Map<string, number>, types: Map<number, number>}} FacetSums
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

/** Kinds and orders that do not follow the thresholds. */
const FIXED = [...STOCK.map(([key]) => key), "suspect", NOTED];
const FIXED_SORTS = ["name", "area", "score"];

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
  return ({ index }) => judged.length > 1 && changesOf(judged[state.pair[0]][index], judged[state.pair[1]][index], state.costs).includes(key);
}

/**
 * A function that gives the number of images of each kind, type and size. Only images that were judged again are counted again.
 * @param {PageData} data
 * @returns {(judged: Judged, state: State) => FacetCounts}
 */
export function makeFacetCounts(data) {
  const zeros = () => new Map(kindsFor(data).map((key) => [key, 0]));
  const ofRun = (/** @type {number} */ m) => ({
    start: () => ({ kinds: zeros(), types: new Map(data.types.map((_, type) => [type, 0])) }),
    add: (/** @type {FacetSums} */ sum, /** @type {PageImage} */ image, /** @type {(Judgement | undefined)[]} */ [one], /** @type {number} */ sign) => {
      for (const key of kindsOf(data, image, one)) increment(sum.kinds, key, sign);
      for (const type of typesOf(image, one, m)) increment(sum.types, type, sign);
    },
  });
  const runs = data.models.map((_, m) => runningSum(data, ofRun(m)));
  const truthOnly = data.models.length ? null : sumOf(data, [], ofRun(0));
  const changesAt = (/** @type {State["costs"]} */ costs) => runningSum(data, {
    start: zeros,
    add(sum, _, [first, second], sign) { for (const key of changesOf(first, second, costs)) increment(sum, key, sign); },
  });
  let changes = { key: "", sum: changesAt(START_COSTS) };
  /** @type {Map<Size, number>} */
  const sizes = new Map(SIZES.map((size) => [size, 0]));
  for (const { truths } of data.images) for (const size of new Set(truths.map(({ area }) => sizeOf(area)))) increment(sizes, size, 1);
  return (judged, state) => {
    const { kinds, types } = truthOnly ?? runs[state.focus]([judged[state.focus]]);
    const key = `${state.pair} ${state.costs}`;
    if (changes.key !== key) changes = { key, sum: changesAt(state.costs) };
    const compared = judged.length > 1 ? changes.sum(state.pair.map((m) => judged[m])) : zeros();
    const all = new Map([...kinds].map(([kind, n]) => [kind, n + (compared.get(kind) ?? 0)]));
    all.set(NOTED, Object.keys(state.notes).length ? data.images.filter(({ name }) => state.notes[name]).length : 0);
    return { kinds: all, types, sizes };
  };
}

/**
 * @template K
 * @param {Map<K, number>} counts
 * @param {K} key
 * @param {number} by
 */
function increment(counts, key, by) {
  counts.set(key, (counts.get(key) ?? 0) + by);
}

/**
 * The kinds of an image with one run, or without any. They depend only on its judgement and are stored there.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {Judgement} [one]
 */
function kindsOf(data, image, one) {
  const stock = image.good ? "good" : "defective";
  if (!one) return [stock];
  if (!data.hasTruth) return UNJUDGED.filter(([, test]) => test(image, one)).map(([key]) => key);
  if (!one.kinds) {
    one.kinds = [stock];
    for (const [key, test] of KINDS) if (test(image, one)) one.kinds.push(key);
  }
  return one.kinds;
}

/**
 * The kinds of an image in the comparison of two runs.
 * @param {Judgement} first
 * @param {Judgement} second
 * @param {State["costs"]} costs
 */
function changesOf(first, second, costs) {
  const repairs = Object.keys(REPAIRS).filter((key) => REPAIRS[key](first, second));
  return [...repairs, changeOf(first, second, costs)];
}

/**
 * The types of the annotations and the counting predictions of an image.
 * @param {PageImage} image
 * @param {Judgement | undefined} one
 * @param {number} model
 */
function typesOf(image, one, model) {
  const owner = one ?? image;
  if (!owner.types) {
    owner.types = [];
    const add = (/** @type {number} */ type) => { if (!owner.types?.includes(type)) owner.types?.push(type); };
    for (const { type } of image.truths) add(type);
    for (let p = 0; p < (one?.count ?? 0); p++) add(image.runs[model].predictions[p].type);
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
 * Whether the images to show, or their order, may follow the thresholds.
 * @param {State} state
 */
export function followsThresholds({ show, types, cell, sort }) {
  return show.some((key) => !FIXED.includes(key)) || types.length > 0 || cell !== null || !FIXED_SORTS.includes(sort);
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
    && (!state.types.length || state.types.some((type) => typesOf(image, judged[state.focus]?.[image.index], state.focus).includes(type)))
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
