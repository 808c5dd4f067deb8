// Precision against recall of each type.

import { SHARES, axes } from "./axes.js";
import { el, svg } from "./dom.js";
import { LETTERS, fixed } from "./format.js";
import { text } from "./language.js";
import { dash, signIcon, signPath } from "./types.js";

const COLUMN = 0.5; // width in units of the drawing

/**
 * Precision against recall of one type, by run: its card is drawn once; `draw` sets the curves, which do not depend on the
 * confidence, and `move` the current values.
 * @param {PageData} data
 * @param {number} type
 */
export function precisionRecallChart(data, type) {
  const { root, at } = axes({ max: 1, ticks: SHARES, label: text("figure.recall") }, { max: 1, ticks: SHARES, label: text("figure.precision") });
  const { colour, name } = data.types[type];
  const several = data.models.length > 1;
  root.setAttribute("aria-label", text("precision_recall", { type: name }));
  const curves = data.models.map((_, m) => svg("path", { class: `curve run-${m}`, stroke: colour, "stroke-dasharray": several ? null : dash(type) }));
  const current = svg("g");
  root.append(...curves, current);
  const values = el("span", { class: "hint" });
  const card = el("figure", { class: "card" }, el("figcaption", {}, signIcon(data, type), el("strong", {}, name), values), root);
  return {
    card,
    draw(/** @type {PrecisionRecall[]} */ runs) {
      runs.forEach(({ precision, recall }, m) => { curves[m].setAttribute("d", curvePath(precision, recall, at)); });
      const aps = runs.map(({ ap }, m) => `${several ? `${LETTERS[m]} ` : ""}AP ${fixed(ap, 3)}`).join(" · ");
      values.textContent = ` ${aps}, ${text("annotations", { n: runs[0].truths })}`;
    },
    move(/** @type {TypeRow[]} */ rows) {
      current.replaceChildren(...rows.flatMap(({ precision, recall }, m) => (precision === null || recall === null ? [] : [
        svg("path", { class: `now run-${m}`, d: signPath(type), transform: `translate(${at(recall, precision).join(" ")}) scale(1.4)`, fill: colour })])));
    },
  };
}

/**
 * The curve. Of the points in each column of the drawing only the first, highest, lowest and last are kept: the others do not
 * change what is seen.
 * @param {Float64Array} precision
 * @param {Float64Array} recall rising
 * @param {import("./axes.js").Scale} at
 */
export function curvePath(precision, recall, at) {
  let path = "";
  const [[left, bottom], [right, top]] = [at(0, 0), at(1, 1)];
  const tenth = (/** @type {number} */ value) => Math.round(10 * value) / 10;
  const column = (/** @type {number} */ i) => Math.floor((left + (right - left) * recall[i]) / COLUMN);
  for (let start = 0, end = 0; start < recall.length; start = end) {
    let [highest, lowest] = [start, start];
    const here = column(start);
    for (end = start; end < recall.length && column(end) === here; end++) {
      if (precision[end] > precision[highest]) highest = end;
      if (precision[end] < precision[lowest]) lowest = end;
    }
    for (const i of [...new Set([start, Math.min(highest, lowest), Math.max(highest, lowest), end - 1])]) {
      path += `${path ? "L" : "M"}${tenth(left + (right - left) * recall[i])} ${tenth(bottom + (top - bottom) * precision[i])}`;
    }
  }
  return path;
}
