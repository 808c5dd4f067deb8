// Two runs on the same images: which of them miss a defective image or raise a false alarm on a good one.

/** Rows of the table: [wrong in A, wrong in B]. */
export const AGREEMENTS = [["neither", false, false], ["only_a", true, false], ["only_b", false, true], ["both", true, true]];

/**
 * The images that a row and a column of the table count.
 * @param {PageData} data
 * @param {Judged} judged
 * @param {number} row
 * @param {number | string} column
 */
export function agreementImages(data, judged, row, column) {
  const [, first, second] = AGREEMENTS[row] ?? [];
  const wrong = (/** @type {number} */ m, /** @type {number} */ i) => (column === "missed" ? judged[m][i].miss : judged[m][i].alarm);
  return new Set(data.images.filter((image, i) => image.good === (column === "alarm")
    && wrong(0, i) === first && wrong(1, i) === second).map(({ index }) => index));
}
