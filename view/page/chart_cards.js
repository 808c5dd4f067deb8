// The cards of the charts over all thresholds of a run.

import { imageScores } from "./allowed.js";
import { card } from "./cards.js";
import { confidenceCard, histogramCard } from "./confidence_chart.js";
import { confidenceCurve } from "./confidence_curve.js";
import { missAlarmCurve, operatingCounts } from "./curves.js";
import { checkbox, el } from "./dom.js";
import { LETTERS, pointText } from "./format.js";
import { matchPredictions } from "./judge.js";
import { text } from "./language.js";
import { distinct, missAlarmChart } from "./miss_alarm_chart.js";
import { shownThreshold } from "./shown_threshold.js";

/**
 * Builds the cards; what does not depend on a threshold is computed once.
 * @param {PageData} data
 * @param {Store} store
 */
export function makeChartCards(data, store) {
  const { state } = store;
  const curves = data.models.map((_, m) => ({ corners: distinct(data, m, missAlarmCurve(data, m)), operating: operatingCounts(data, m) }));
  const scores = data.models.map((_, m) => imageScores(data, m));
  /** @type {ConfidencePoint[]} */
  let points = [];
  let pointsFor = "";
  const ontake = (/** @type {number} */ m, /** @type {number} */ threshold) => {
    const thresholds = [...state.thresholds];
    thresholds[m] = threshold;
    store.change({ thresholds });
  };
  const current = () => state.thresholds[state.focus] ?? data.models[state.focus].threshold;

  return (/** @type {Totals[]} */ sums) => {
    const { iou, by, focus } = state;
    const key = `${iou} ${by} ${focus}`;
    if (key !== pointsFor) {
      points = confidenceCurve(data, focus, data.images.map(({ truths, runs }) => matchPredictions(truths, runs[focus], runs[focus].predictions.length, iou, by)));
      pointsFor = key;
    }
    const setting = { threshold: current(), run: focus, ontake };
    const slide = { corner: state.corner, current: () => ({ run: state.focus, threshold: current() ?? 0 }), ontake };
    return [missAlarms(data, store, curves, sums, slide), histogramCard(data, store, scores[focus], setting), confidenceCard(data, store, points, setting)];
  };
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @param {import("./miss_alarm_chart.js").MissAlarmCurve[]} curves
 * @param {Totals[]} sums
 * @param {import("./miss_alarm_chart.js").Slide} slide
 */
function missAlarms(data, store, curves, sums, slide) {
  if (!sums[0].good) return card(text("curve.title"), "", el("p", {}, text("allowed.no_good")));
  const corner = checkbox(text("curve.corner"), (on) => store.change({ corner: on }), { id: "corner" });
  corner.input.checked = store.state.corner;
  return card(text("curve.title"), text("curve.hint"), corner.root,
    missAlarmChart(data, curves, sums, slide),
    el("p", { class: "hint" }, data.models.map((model, m) => el("span", { class: `key run-${m}` },
      data.models.length > 1 ? `${LETTERS[m]} ${model.name} ` : "",
      `● ${text("curve.now", { threshold: currentText(data, store, m) })}`,
      model.threshold === null ? "" : ` ▲ ${text("operating_point", { threshold: pointText(data, m) })}`,
      model.foldThresholds.length ? `; ${text("curve.folds")}` : ""))));
}

/**
 * The current threshold of a run.
 * @param {PageData} data
 * @param {Store} store
 * @param {number} m
 */
function currentText(data, store, m) {
  const threshold = store.state.thresholds[m];
  return threshold === null ? pointText(data, m) : shownThreshold(data, m, threshold);
}
