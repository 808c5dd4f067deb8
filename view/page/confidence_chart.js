// Two charts over the confidence: precision, recall and F1, and the scores of good and defective images.

import { INNER_HEIGHT, LEFT, SHARES, TOP, axes, wholeTicks } from "./axes.js";
import { card, runSuffix } from "./cards.js";
import { bestPoint } from "./confidence_curve.js";
import { el, svg } from "./dom.js";
import { fixed } from "./format.js";
import { text } from "./language.js";
import { makePickable } from "./pick.js";
import { shownThreshold } from "./shown_threshold.js";

const BINS = 20;

/** @type {("precision" | "recall" | "f1")[]} */
const LINES = ["precision", "recall", "f1"];

/**
 * @typedef {{current: () => number | null, run: number, ontake: (model: number, threshold: number) => void}} Setting
 * @typedef {() => HTMLElement} Drawn a card that is drawn once; the function moves what depends on the threshold
 */

/**
 * @param {PageData} data
 * @param {Store} store
 * @param {ConfidencePoint[]} points
 * @param {Setting} setting
 * @returns {Drawn}
 */
export function confidenceCard(data, store, points, setting) {
  const { run } = setting;
  const { root, at } = axes({ max: 1, ticks: SHARES, label: text("confidence") }, { max: 1, ticks: SHARES, label: "" });
  root.setAttribute("aria-label", text("confidence.title"));
  root.setAttribute("id", "confidence-chart");
  /** @type {import("./pick.js").Pick[]} */
  const picks = [];
  for (const line of LINES) {
    root.append(svg("path", { class: `curve line-${line}`, d: points.map((p, i) => `${i ? "L" : "M"}${at(p.threshold, p[line]).map((v) => v.toFixed(1)).join(" ")}`).join("") }));
  }
  for (const p of points) {
    const shown = shownThreshold(data, run, p.threshold);
    const [x, y] = at(p.threshold, p.f1);
    picks.push({ x, y, run, threshold: shown, words: () => text("confidence.point", { threshold: shown, precision: fixed(p.precision), recall: fixed(p.recall), f1: fixed(p.f1) }) });
  }
  const follow = followThreshold(root, at, picks, setting);
  const best = bestPoint(points);
  const shown = card(`${text("confidence.title")}${runSuffix(data, store)}`, text("curve.hint"), root,
    el("p", { class: "hint keys" }, LINES.map((line) => el("span", { class: "key-line" }, sample(line), text(`figure.${line}`)))),
    best && el("p", { class: "hint" }, text("confidence.best", { f1: fixed(best.f1, 3), threshold: shownThreshold(data, run, best.threshold) })));
  return () => { follow(); return shown; };
}

/** @param {string} line */
function sample(line) {
  return svg("svg", { viewBox: "0 0 26 8", class: "line-sample", "aria-hidden": "true" }, svg("path", { class: `curve line-${line}`, d: "M0 4H26" }));
}

/**
 * Draw the line of the threshold, and let the reader choose another; returns a function that moves the line.
 * @param {SVGElement} root
 * @param {import("./axes.js").Scale} at
 * @param {import("./pick.js").Pick[]} picks
 * @param {Setting} setting
 */
function followThreshold(root, at, picks, { current, run, ontake }) {
  const line = svg("path", { class: "threshold-line" });
  root.append(line);
  const describe = makePickable(root, picks, () => ({ run, threshold: current() ?? 0 }), (pick) => ontake(pick.run, Number(pick.threshold)));
  return () => {
    const threshold = current();
    line.setAttribute("d", threshold === null ? "" : `M${at(threshold, 0)[0]} ${TOP}v${INNER_HEIGHT}`);
    describe();
  };
}

/**
 * The images by score: defective ones above the line, good ones below.
 * @param {PageData} data
 * @param {Store} store
 * @param {import("./allowed.js").ImageScores} scores
 * @param {Setting} setting
 * @returns {Drawn}
 */
export function histogramCard(data, store, { defective, good }, setting) {
  const { run } = setting;
  const bins = { defective: binned(defective), good: binned(good) };
  const most = Math.max(1, ...bins.defective, ...bins.good);
  const { root, at } = axes({ max: 1, ticks: SHARES, label: text("histogram.x") }, { max: 2 * most, ticks: [], label: "" });
  root.setAttribute("aria-label", text("histogram.title"));
  root.setAttribute("id", "score-histogram");
  const [, middle] = at(0, most);
  const scale = INNER_HEIGHT / 2 / most;
  for (const tick of wholeTicks(most)) {
    for (const y of new Set([middle - tick * scale, middle + tick * scale])) {
      root.append(svg("path", { class: "gridline", d: `M${LEFT} ${y}H${at(1, 0)[0]}` }), svg("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, tick));
    }
  }
  const width = at(1 / BINS, 0)[0] - at(0, 0)[0];
  /** @type {import("./pick.js").Pick[]} */
  const picks = [];
  for (let i = 0; i < BINS; i++) {
    const x = at(i / BINS, 0)[0];
    for (const [key, sign] of /** @type {["defective" | "good", number][]} */ ([["defective", 1], ["good", -1]])) {
      const height = bins[key][i] * scale;
      root.append(svg("rect", { class: `bar ${key}`, x: x + 1, y: sign > 0 ? middle - height : middle, width: width - 2, height }));
    }
    const from = (i / BINS).toFixed(2);
    const words = () => text("histogram.bin", { from, to: ((i + 1) / BINS).toFixed(2), defective: bins.defective[i], good: bins.good[i] });
    picks.push({ x, y: middle, run, threshold: from, words });
  }
  const follow = followThreshold(root, at, picks, setting);
  const silent = (/** @type {number[]} */ scores) => scores.filter((score) => score === 0).length;
  const shown = card(`${text("histogram.title")}${runSuffix(data, store)}`, text("histogram.hint"), root,
    el("p", { class: "hint keys" }, ["defective", "good"].map((key) => el("span", { class: "key-line" },
      svg("svg", { viewBox: "0 0 12 12", class: "line-sample square", "aria-hidden": "true" }, svg("rect", { class: `bar ${key}`, width: 12, height: 12 })), text(`histogram.${key}`)))),
    el("p", { class: "hint" }, text("histogram.silent", { defective: silent(defective), good: silent(good) })));
  return () => { follow(); return shown; };
}

/**
 * The number of scores above 0 in each of BINS equal parts of 0 to 1.
 * @param {number[]} scores
 */
export function binned(scores) {
  const bins = new Array(BINS).fill(0);
  for (const score of scores) if (score > 0) bins[Math.min(BINS - 1, Math.floor(score * BINS))]++;
  return bins;
}
