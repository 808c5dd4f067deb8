// The description of the selected images, for the bar above the grid.

import { AGREEMENTS } from "./agreement.js";
import { LETTERS } from "./format.js";
import { text } from "./language.js";
import { SIZES } from "./measure.js";

/**
 * The description of a clicked table cell.
 * @param {PageData} data
 * @param {Cell} cell
 * @param {[number, number]} pair
 */
export function cellText(data, [table, row, column], pair) {
  const none = data.types.length;
  const name = (/** @type {number | string} */ i) => data.types[Number(i)]?.name ?? text("all_types");
  if (table === "type") return text(`cell.${column}`, { type: name(row) });
  const answer = (/** @type {number | string} */ i) => (Number(i) === 0 ? text("figure.good") : data.types[Number(i) - 1]?.name ?? text("types.abstained"));
  if (table === "disagreement") {
    return row === column ? text("cell.wrong_in", { run: LETTERS[row] }) : text("cell.disagreement", { first: LETTERS[row], second: LETTERS[Number(column)] });
  }
  const measured = measuredText(data, table, row, column);
  if (measured) return measured;
  if (table === "image_type" && Number.isNaN(Number(column))) return text(`cell.answer.${column}`, { type: answer(row) });
  if (table === "image_type") return text("cell.answer", { type: answer(row), other: answer(column) });
  if (table === "calibration") return text("cell.calibration", { low: (row / 10).toFixed(1), high: ((row + 1) / 10).toFixed(1) });
  if (table === "agreement") return `${text(`figure.${column}`)}: ${text(`agreement.${AGREEMENTS[row]?.[0]}`, { first: LETTERS[pair[0]], second: LETTERS[pair[1]] })}`;
  if (table !== "confusion") {
    const size = SIZES[Number(column)] ? text(`size.${SIZES[Number(column)]}`) : text("all_sizes");
    return `${size}, ${table === "unfound" ? text("cell.unfound", { type: name(row) }) : name(row)}`;
  }
  if (row === none) return text("cell.nothing_there", { type: name(column) });
  return column === none ? text("cell.unfound", { type: name(row) }) : text("cell.confused", { type: name(row), other: name(column) });
}

/**
 * The description of a cell of a table of metrics.json.
 * @param {PageData} data
 * @param {string} table
 * @param {number} row
 * @param {number | string} column
 */
function measuredText(data, table, row, column) {
  if (table === "measured") return text("cell.measured");
  if (table === "fold") return text("fact.fold", { n: row });
  if (table === "split") return text(`cell.split.${row}`, { split: String(column) });
  const type = data.types[row]?.name ?? text("all_types");
  return table === "annotated" || table === "missed_of" ? text(`cell.${table}`, { type }) : "";
}

/**
 * The number of selected images.
 * @param {number} shown
 * @param {number} all
 */
export function selectionText(shown, all) {
  return shown === all ? text("images", { n: all }) : text("images.of", { shown, n: all });
}
