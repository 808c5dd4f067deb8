// The images that the tables of metrics.json are about.

export const MEASURED_ON = "Images measured on";

/**
 * The selection of all images that a run was measured on.
 * @type {Partial<State>}
 */
export const MEASURED = { cell: ["measured", 0, "all"] };

/**
 * The images of a split that the page has, with their counts in the order of the table: images, defective, good, annotations.
 * @param {PageData} data
 * @param {string} split
 */
export function splitImages(data, split) {
  const images = data.images.filter((image) => image.split === split);
  const good = images.filter((image) => image.good).length;
  const annotations = images.reduce((sum, { truths }) => sum + truths.length, 0);
  return { images, counts: [images.length, images.length - good, good, annotations] };
}

/**
 * The images behind a count of a split.
 * @param {PageData} data
 * @param {string} split
 * @param {number} column
 */
export function splitCell(data, split, column) {
  const { images } = splitImages(data, split);
  return new Set(images.filter(({ good }) => column === 0 || good === (column === 2)).map(({ index }) => index));
}

/**
 * The images that a run was measured on; null if they are not all in the page.
 * @param {PageData} data
 * @param {number} model
 */
export function measuredImages(data, model) {
  const rows = data.models[model]?.tables.find(({ title }) => title === MEASURED_ON)?.rows;
  const row = rows?.find(([split]) => split === "test");
  const { images, counts } = splitImages(data, "test");
  return row && row[1] === String(counts[0]) ? new Set(images.map(({ index }) => index)) : null;
}
