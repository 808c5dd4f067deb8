// What a classifier answers about a whole image: its type, or good; with a threshold, and with abstention.

/** Answers that are not a type. */
export const GOOD = -1;
export const ABSTAINED = -2;

const CALIBRATION_BINS = 10; // of evaluate/calibration.py

/**
 * The probability of good, and the most probable type with its probability.
 * @param {PageImage} image
 * @param {number} model
 */
export function typeProbabilities(image, model) {
  const { predictions } = image.runs[model];
  const good = Math.max(0, 1 - predictions.reduce((sum, { score }) => sum + score, 0));
  const [first] = predictions;
  const top = first ? first.score : 0;
  return { good, top, type: first ? first.type : GOOD, highest: Math.max(good, top) };
}

/**
 * The answer of a run about an image: the most probable type if a defect is found, else GOOD; ABSTAINED if no
 * probability reaches the limit. A defect is found if its score reaches the threshold; with `decide` "probable" if its
 * type is more probable than good.
 * @param {State} state
 * @param {PageImage} image
 * @param {number} model
 * @param {Judgement} judgement
 */
export function answer(state, image, model, judgement) {
  const { good, top, type, highest } = typeProbabilities(image, model);
  if (highest < state.abstain) return ABSTAINED;
  return (state.decide === "probable" ? top > good : judgement.count > 0) ? type : GOOD;
}

/**
 * The true type of an image, GOOD without a defect.
 * @param {PageImage} image
 */
export function trueType(image) {
  return image.truths[0]?.type ?? GOOD;
}

/**
 * matrix[row][column]: images of the type `row` that the run takes for `column`. Good is first; the last column counts
 * abstentions.
 * @param {PageData} data
 * @param {State} state
 * @param {number} model
 * @param {Judgement[]} judgements
 * @returns {Set<number>[][]}
 */
export function typeMatrix(data, state, model, judgements) {
  const count = data.types.length + 1;
  const matrix = Array.from({ length: count }, () => Array.from({ length: count + 1 }, () => /** @type {Set<number>} */ (new Set())));
  for (const image of knownImages(data)) {
    const found = answer(state, image, model, judgements[image.index]);
    matrix[trueType(image) + 1][found === ABSTAINED ? count : found + 1].add(image.index);
  }
  return matrix;
}

/**
 * The images of a cell, or of a whole "row" or "column" with the number `row`, without abstentions.
 * @param {Set<number>[][]} matrix
 * @param {number} row
 * @param {number | string} column
 * @returns {Set<number>}
 */
export function answerCell(matrix, row, column) {
  if (column === "row") return new Set(matrix[row]?.flatMap((cell) => [...cell]));
  if (column === "column") return new Set(matrix.flatMap((cells) => [...cells[row] ?? []]));
  return matrix[row]?.[Number(column)] ?? new Set();
}

/**
 * The images of a bin of the calibration curve: those whose highest probability is in one tenth.
 * @param {PageData} data
 * @param {number} model
 * @param {number} bin
 */
export function calibrationImages(data, model, bin) {
  return new Set(knownImages(data).filter((image) => binOf(typeProbabilities(image, model).highest) === bin).map(({ index }) => index));
}

/**
 * The tenth of a probability: 0 of (0, 0.1], 1 of (0.1, 0.2] and so on.
 * @param {number} probability
 */
export function binOf(probability) {
  return Math.min(CALIBRATION_BINS - 1, Math.max(0, Math.ceil(probability * CALIBRATION_BINS) - 1));
}

/**
 * Images with only ignore regions have no known type.
 * @param {PageData} data
 */
function knownImages(data) {
  return data.images.filter((image) => image.truths.length > 0 || !image.ignored?.length);
}
