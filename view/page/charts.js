// Curves: misses against false alarms, and precision against recall of each type.

import { el, svg } from "./dom.js";
import { LETTERS, fixed, pointText } from "./format.js";
import { text } from "./language.js";
import { shownThreshold } from "./shown_threshold.js";
import { dash, signIcon, signPath } from "./types.js";

const WIDTH = 420;
const HEIGHT = 300;
const LEFT = 46;
const BOTTOM = 42;
const TOP = 12;
const RIGHT_EDGE = 14;
const MAX_POINTS = 120;

/**
 * @typedef {{max: number, ticks: number[], label: string}} Axis
 * @typedef {(x: number, y: number) => [number, number]} Scale
 * @typedef {{points: CurvePoint[], operating: {missed: number, alarms: number} | null}} MissAlarmCurve
 */

/**
 * Axes, and the scale from values to positions in the drawing.
 * @param {Axis} x
 * @param {Axis} y
 */
function axes(x, y) {
  const width = WIDTH - LEFT - RIGHT_EDGE;
  const height = HEIGHT - TOP - BOTTOM;
  /** @type {Scale} */
  const at = (vx, vy) => [LEFT + (width * vx) / (x.max || 1), TOP + height - (height * vy) / (y.max || 1)];
  const root = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img" });
  for (const tick of y.ticks) {
    const [, py] = at(0, tick);
    root.append(svg("path", { class: "gridline", d: `M${LEFT} ${py}h${width}` }),
      svg("text", { x: LEFT - 8, y: py + 4, "text-anchor": "end" }, tick));
  }
  for (const tick of x.ticks) {
    const [px] = at(tick, 0);
    root.append(svg("path", { class: "gridline", d: `M${px} ${TOP}v${height}` }),
      svg("text", { x: px, y: TOP + height + 17, "text-anchor": "middle" }, tick));
  }
  root.append(
    svg("text", { class: "axis", x: LEFT + width / 2, y: HEIGHT - 6, "text-anchor": "middle" }, x.label),
    svg("text", { class: "axis", transform: `translate(13 ${TOP + height / 2}) rotate(-90)`, "text-anchor": "middle" }, y.label));
  return { root, at };
}

/**
 * At most six round numbers from 0 to `max`.
 * @param {number} max
 */
function wholeTicks(max) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((s) => max / s <= 5) ?? 10000;
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => i * step);
}

/**
 * Misses against false alarms; `ontake` gets the run and the threshold of a clicked point.
 * @param {PageData} data
 * @param {MissAlarmCurve[]} curves
 * @param {Totals[]} totals
 * @param {(model: number, threshold: number) => void} ontake
 */
export function missAlarmChart(data, curves, totals, ontake) {
  const [{ defective, good }] = totals;
  const { root, at } = axes(
    { max: good, ticks: wholeTicks(good), label: text("curve.x", { n: good }) },
    { max: defective, ticks: wholeTicks(defective), label: text("curve.y", { n: defective }) });
  root.setAttribute("aria-label", text("curve.title"));
  curves.forEach(({ points }, m) => {
    const corners = distinct(points);
    const ends = [...corners, { missed: defective, alarms: 0 }];
    const path = ends.map((p, i) => `${i ? "L" : "M"}${at(p.alarms, p.missed).join(" ")}`).join("");
    root.append(svg("path", { class: `curve run-${m}`, d: path }));
    for (const p of thinned(corners)) {
      const [cx, cy] = at(p.alarms, p.missed);
      root.append(svg("circle", { class: `dot run-${m}`, cx, cy, r: 6, onclick: () => ontake(m, Number(shownThreshold(data, m, p.threshold))) },
        svg("title", {}, text("curve.point", { threshold: shownThreshold(data, m, p.threshold), missed: p.missed, alarms: p.alarms }))));
    }
  });
  data.models.forEach((_, m) => {
    const p = curves[m].operating;
    if (p) {
      root.append(svg("path", { class: `operating run-${m}`, d: "M0-8L7 5H-7z", transform: `translate(${at(p.alarms, p.missed).join(" ")})` },
        svg("title", {}, text("operating_point", { threshold: pointText(data, m) }))));
    }
    const [cx, cy] = at(totals[m].alarms, totals[m].missed);
    root.append(svg("circle", { class: `now run-${m}`, cx, cy, r: 5 }));
  });
  return root;
}

/**
 * The last point of each position, because several scores may give the same counts.
 * @param {CurvePoint[]} points
 */
function distinct(points) {
  return points.filter((p, i) => p.alarms !== points[i + 1]?.alarms || p.missed !== points[i + 1]?.missed);
}

/** @param {CurvePoint[]} points */
function thinned(points) {
  const step = Math.ceil(points.length / MAX_POINTS);
  return points.filter((_, i) => i % step === 0);
}

/**
 * Precision against recall of one type: a function that draws it with the current values of each run. The curves do not
 * depend on the confidence.
 * @param {PageData} data
 * @param {number} type
 * @param {PrecisionRecall[]} runs
 */
export function precisionRecallChart(data, type, runs) {
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const { root, at } = axes({ max: 1, ticks, label: text("figure.recall") }, { max: 1, ticks, label: text("figure.precision") });
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
 * @param {Scale} at
 */
function curvePath(precision, recall, at) {
  let path = "";
  for (let i = 0; i < recall.length; i++) {
    if (i > 0 && i < recall.length - 1 && recall[i] === recall[i - 1] && recall[i] === recall[i + 1]) continue;
    path += `${path ? "L" : "M"}${at(recall[i], precision[i]).map((v) => v.toFixed(1)).join(" ")}`;
  }
  return path;
}
