// The images behind a figure of a table.

import { agreementImages, disagreementImages } from "./agreement.js";
import { answerCell, calibrationImages, typeMatrix } from "./image_types.js";
import { bySize, byType, confusion, joined, withImages, withTotals } from "./measure.js";
import { measuredImages, splitCell } from "./measured_on.js";
import { sumOf } from "./sums.js";

/**
 * The indices of the images behind a clicked table cell; empty if there is no such cell.
 * @param {PageData} data
 * @param {Judged} judged
 * @param {Cell} cell
 * @param {State} state
 * @returns {Set<number>}
 */
export function cellImages(data, judged, [table, row, column], state) {
  const { focus } = state;
  const judgements = judged[focus];
  if (table === "image_type") return answerCell(typeMatrix(data, state, focus, judgements), row, column);
  if (table === "measured") return measuredImages(data, focus) ?? new Set();
  if (table === "split") return splitCell(data, String(column), row);
  if (table === "fold") return indices(data.images.filter(({ folds }) => folds[focus] === row));
  if (table === "annotated") return annotatedImages(data, row);
  if (table === "missed_of") return missedOf(data, judgements, row);
  if (table === "calibration") return calibrationImages(data, focus, row);
  if (table === "agreement") return agreementImages(data, judged, state, row, column);
  if (table === "type" && column === "ap") return rankedImages(data, focus, row);
  if (table === "disagreement") return disagreementImages(data, judged, row, Number(column));
  return tallyAt()?.images ?? new Set();

  /**
   * @template S
   * @param {import("./sums.js").Sum<S>} sum
   */
  function all(sum) {
    return sumOf(data, [judgements], sum);
  }

  /** @returns {Tally | undefined} */
  function tallyAt() {
    if (table === "confusion") return all(confusion(data, focus, withImages))[row]?.[Number(column)];
    if (table === "size") return withTotals(all(bySize(data, withImages)))[row]?.[Number(column)]?.truths;
    if (table === "unfound") return withTotals(all(bySize(data, withImages)))[row]?.[Number(column)]?.unfound;
    if (table !== "type") return undefined;
    const tallies = all(byType(data, focus, withImages))[row];
    if (column === "counted") return tallies && joined([tallies.truths, tallies.found, tallies.wrong]);
    if (column === "precision") return tallies && joined([tallies.found, tallies.wrong]);
    return column === "recall" ? tallies?.truths : isTypeColumn(column) ? tallies?.[column] : undefined;
  }
}

/** @param {PageImage[]} images */
function indices(images) {
  return new Set(images.map(({ index }) => index));
}

/**
 * The images with an annotation of a type.
 * @param {PageData} data
 * @param {number} type
 */
export function annotatedImages(data, type) {
  return indices(data.images.filter(({ truths }) => truths.some((truth) => truth.type === type)));
}

/**
 * Those of them on which nothing is found.
 * @param {PageData} data
 * @param {Judgement[]} judgements
 * @param {number} type
 */
export function missedOf(data, judgements, type) {
  return new Set([...annotatedImages(data, type)].filter((i) => judgements[i].miss));
}

/**
 * The images with a truth or a prediction of a type, whatever its score: those that its AP depends on.
 * @param {PageData} data
 * @param {number} model
 * @param {number} type
 */
function rankedImages(data, model, type) {
  const has = (/** @type {Item[]} */ items) => items.some((item) => item.type === type);
  return indices(data.images.filter(({ truths, runs }) => has(truths) || has(runs[model].predictions)));
}

/**
 * @param {unknown} column
 * @returns {column is "truths" | "found" | "unfound" | "wrong"}
 */
function isTypeColumn(column) {
  return ["truths", "found", "unfound", "wrong"].includes(String(column));
}
