// Precision against recall of each type.

import { SHARES, axes } from "./axes.js";
import { el, svg } from "./dom.js";
import { LETTERS, fixed } from "./format.js";
import { text } from "./language.js";
import { dash, signIcon, signPath } from "./types.js";

/**
 * Precision against recall of one type: a function that draws it with the current values of each run. The curves do not
 * depend on the confidence.
 * @param {PageData} data
 * @param {number} type
 * @param {PrecisionRecall[]} runs
 */
export function precisionRecallChart(data, type, runs) {
  const { root, at } = axes({ max: 1, ticks: SHARES, label: text("figure.recall") }, { max: 1, ticks: SHARES, label: text("figure.precision") });
  const { colour, name } = data.types[type];
  root.setAttribute("aria-label", text("precision_recall", { type: name }));
  runs.forEach(({ precision, recall }, m) => {
    const path = curvePath(precision, recall, at);
    if (path) root.append(svg("path", { class: `curve run-${m}`, d: path, stroke: colour, "stroke-dasharray": runs.length > 1 ? null : dash(type) }));
  });
  const current = svg("g");
  root.append(current);
  const aps = runs.map(({ ap }, m) => `${runs.length > 1 ? `${LETTERS[m]} ` : ""}AP ${fixed(ap, 3)}`).join(" · ");
  const figure = el("figure", { class: "card" },
    el("figcaption", {}, signIcon(data, type), el("strong", {}, name), el("span", { class: "hint" }, ` ${aps}, ${text("annotations", { n: runs[0].truths })}`)), root);
  return (/** @type {TypeRow[]} */ rows) => {
    current.replaceChildren(...rows.flatMap(({ precision, recall }, m) => (precision === null || recall === null ? [] : [
      svg("path", { class: `now run-${m}`, d: signPath(type), transform: `translate(${at(recall, precision).join(" ")}) scale(1.4)`, fill: colour })])));
    return figure;
  };
}

/**
 * The curve through the first and last point of each recall. At one recall precision only falls, so the points between
 * them do not change the line.
 * @param {Float64Array} precision
 * @param {Float64Array} recall
 * @param {import("./axes.js").Scale} at
 */
function curvePath(precision, recall, at) {
  let path = "";
  for (let i = 0; i < recall.length; i++) {
    if (i > 0 && i < recall.length - 1 && recall[i] === recall[i - 1] && recall[i] === recall[i + 1]) continue;
    path += `${path ? "L" : "M"}${at(recall[i], precision[i]).map((v) => v.toFixed(1)).join(" ")}`;
  }
  return path;
}
