// What a click on a figure of a measured table shows: the images that it counts, or those that it was measured on.

import { answerCell, typeMatrix } from "./image_types.js";
import { judgeRun } from "./judge_all.js";
import { annotatedImages, missedOf } from "./cell_images.js";
import { bySize, confusion, runSums, totals, withTotals } from "./measure.js";
import { MEASURED, MEASURED_ON, measuredImages, splitImages } from "./measured_on.js";
import { sumOf } from "./sums.js";

/**
 * @typedef {{patch: Partial<State>, title: string}} Shown the selection, and the key of what the button is for
 * @typedef {{title: string, name: string, row: number, head: string, column: number, words: string}} Figure
 * @typedef {{count: number, patch: Partial<State>} | null} Counted null for a count by a rule that this page does not have
 */

/** @type {Record<string, string>} */
const INSTANCE_KINDS = { found: "hit", false: "false", missed: "unfound" };

/**
 * A function that gives what a click on a figure shows, null if the page does not have exactly these images: those of another
 * split, or where some are left out or the annotations were corrected. A count is compared with that of the page at the
 * thresholds of metrics.json.
 * @param {PageData} data
 * @param {Store} store
 * @returns {(figure: Figure) => Shown | null}
 */
export function measuredChoice(data, { state, initial }) {
  const { focus } = state;
  const atPoint = { thresholds: [...initial.thresholds], iou: initial.iou, by: initial.by };
  const judged = judgeRun(data, { ...state, ...atPoint }, focus);
  const sums = totals(sumOf(data, [judged], runSums()));
  const matrix = sumOf(data, [judged], confusion(data, focus));
  const answers = typeMatrix(data, { ...state, decide: "probable", abstain: 0 }, focus, judged);
  const truths = withTotals(sumOf(data, [judged], bySize(data))).map((cells) => cells[cells.length - 1].truths.count);
  const whole = measuredImages(data, focus);
  const names = new Set(data.images.map(({ name }) => name));
  const typeOf = (/** @type {string} */ name) => data.types.findIndex((type) => type.name === name);
  const kind = (/** @type {string} */ key, /** @type {number} */ count) => ({ count, patch: { ...atPoint, show: [key] } });
  const annotated = (/** @type {number} */ type) => /** @type {Partial<State>} */ ({ cell: ["annotated", type, "all"] });

  /** @type {Record<string, (figure: Figure) => Counted | undefined>} */
  const counts = {
    Images({ name, head }) {
      const type = typeOf(name.slice("missed of ".length));
      if (head === "of" && name === "missed") return { count: sums.defective, patch: { show: ["defective"] } };
      if (head === "of" && name === "false alarms") return { count: sums.good, patch: { show: ["good"] } };
      if (head === "of" && type >= 0) return { count: annotatedImages(data, type).size, patch: annotated(type) };
      if (head !== "images") return undefined;
      if (type >= 0) return { count: missedOf(data, judged, type).size, patch: { ...atPoint, cell: ["missed_of", type, "all"] } };
      return name === "missed" ? kind("missed", sums.missed) : kind("alarm", sums.alarms);
    },
    Instances({ head }) {
      const count = { found: sums.found, false: sums.wrong, missed: sums.unfound }[head];
      return count === undefined ? undefined : data.judging === "defects" ? kind(INSTANCE_KINDS[head], count) : null;
    },
    "Types: rows are truth, columns predictions"({ row, column }) {
      const count = matrix[row]?.[column - 1]?.count ?? 0;
      return data.judging === "defects" ? { count, patch: { ...atPoint, cell: ["confusion", row, column - 1] } } : null;
    },
    "Image types: rows are truth, columns predictions"({ row, column }) {
      return ofAnswers(row, column - 1);
    },
    "Image types, each"({ name, head }) {
      const at = typeOf(name) + 1;
      return { images: ofAnswers(at, "row"), predicted: ofAnswers(at, "column"), right: ofAnswers(at, at) }[head];
    },
    "Several types, each"({ name, head }) {
      if (head === "images") return { count: annotatedImages(data, typeOf(name)).size, patch: annotated(typeOf(name)) };
      return head === "predicted" || head === "right" ? null : undefined;
    },
    Boxes: annotations,
    "Instance masks": annotations,
    [MEASURED_ON]({ name, column, words }) {
      const count = splitImages(data, name).counts[column - 1];
      return data.judging !== "defects" && column === 4 ? null : { count: Number(words) === count ? count : -1, patch: { cell: ["split", column - 1, name] } };
    },
  };

  return (figure) => {
    const { title, name, words } = figure;
    if (names.has(name)) return { patch: { image: name }, title: "show_image" };
    const counted = counts[title]?.(figure);
    if (counted !== undefined) return counted?.count && String(counted.count) === words ? { patch: counted.patch, title: "show_images" } : null;
    return whole && { patch: measuredOn(figure), title: "show_measured" };
  };

  /**
   * @param {number} row
   * @param {number | string} column
   * @returns {Counted}
   */
  function ofAnswers(row, column) {
    const count = answerCell(answers, row, column).size;
    return data.judging === "types" ? { count, patch: { ...atPoint, decide: "probable", abstain: 0, cell: ["image_type", row, column] } } : null;
  }

  /**
   * @param {Figure} figure
   * @returns {Counted | undefined}
   */
  function annotations({ name, head }) {
    if (head !== "annotations") return undefined;
    if (data.judging !== "defects") return null;
    const type = typeOf(name);
    return type >= 0 ? { count: truths[type], patch: annotated(type) } : { count: truths[data.types.length], patch: { show: ["defective"] } };
  }

  /**
   * What a value that counts nothing was measured on.
   * @param {Figure} figure
   * @returns {Partial<State>}
   */
  function measuredOn({ title, name, head }) {
    const type = typeOf(title === "Images" ? name.slice("missed of ".length) : name);
    const fold = /^fold (\d+)$/.exec(head);
    if (fold) return { cell: ["fold", Number(fold[1]), "all"] };
    if (title === "Images" && name === "missed") return { show: ["defective"] };
    if (title === "Images" && name === "false alarms") return { show: ["good"] };
    if (data.judging !== "defects" || type < 0) return MEASURED;
    if (title === "Images") return annotated(type);
    if (title === "Boxes" || title === "Instance masks") return { cell: ["type", type, "ap"] };
    return title === "Panoptic quality" ? { ...atPoint, cell: ["type", type, "counted"] } : MEASURED;
  }
}
