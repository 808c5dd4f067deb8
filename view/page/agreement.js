// The pair of runs on the same images: which of them miss a defective image or raise a false alarm on a good one.

/** Rows of the table: [key, wrong in the first run, wrong in the second run]. */
export const AGREEMENTS = [["neither", false, false], ["first", true, false], ["second", false, true], ["both", true, true]];

/**
 * The images that a row and a column of the table count.
 * @param {PageData} data
 * @param {Judged} judged
 * @param {State} state
 * @param {number} row
 * @param {number | string} column
 */
export function agreementImages(data, judged, { pair: [a, b] }, row, column) {
  const [, first, second] = AGREEMENTS[row] ?? [];
  const wrong = (/** @type {number} */ m, /** @type {number} */ i) => (column === "missed" ? judged[m][i].miss : judged[m][i].alarm);
  return new Set(data.images.filter((image, i) => image.good === (column === "alarm")
    && wrong(a, i) === first && wrong(b, i) === second).map(({ index }) => index));
}

/**
 * The images that run `a` gets wrong and run `b` gets right; all that it gets wrong if they are the same run.
 * @param {PageData} data
 * @param {Judged} judged
 * @param {number} a
 * @param {number} b
 */
export function disagreementImages(data, judged, a, b) {
  const wrong = (/** @type {number} */ m, /** @type {number} */ i) => Boolean(judged[m]?.[i].miss || judged[m]?.[i].alarm);
  return new Set(data.images.filter((_, i) => wrong(a, i) && (a === b || !wrong(b, i))).map(({ index }) => index));
}
