// The cards of the charts over all thresholds of a run.

import { imageScores } from "./allowed.js";
import { card } from "./cards.js";
import { confidenceCard, histogramCard } from "./confidence_chart.js";
import { confidenceCurve } from "./confidence_curve.js";
import { missAlarmCurve, operatingCounts } from "./curves.js";
import { checkbox, el, kept } from "./dom.js";
import { LETTERS, pointText } from "./format.js";
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
  const ontake = (/** @type {number} */ m, /** @type {number} */ threshold) => {
    const thresholds = [...state.thresholds];
    thresholds[m] = threshold;
    store.change({ thresholds });
  };
  const current = () => state.thresholds[state.focus] ?? data.models[state.focus].threshold;
  const slide = { current: () => ({ run: state.focus, threshold: current() ?? 0 }), ontake };
  const setting = () => ({ current, run: state.focus, ontake });
  const missAlarms = kept(() => String(state.corner), (/** @type {Totals[]} */ sums) => missAlarmChart(data, curves, sums[0], { ...slide, corner: state.corner }));
  const histogram = kept(() => String(state.focus), () => histogramCard(data, store, scores[state.focus], setting()));
  const confidence = kept(() => `${state.iou} ${state.by} ${state.focus}`, () => confidenceCard(data, store,
    confidenceCurve(data, state.focus, state.iou, state.by), setting()));
  return (/** @type {Totals[]} */ sums) => [missAlarmCard(data, store, sums[0].good ? missAlarms(sums)(sums) : null), histogram()(), confidence()()];
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @param {SVGElement | null} chart null without a good image
 */
function missAlarmCard(data, store, chart) {
  if (!chart) return card(text("curve.title"), "", el("p", {}, text("allowed.no_good")));
  const corner = checkbox(text("curve.corner"), (on) => store.change({ corner: on }), { id: "corner" });
  corner.input.checked = store.state.corner;
  return card(text("curve.title"), text("curve.hint"), corner.root, chart,
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
