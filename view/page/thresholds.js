// The thresholds in the side panel: confidence of each run, and IoU.

import { button, choice, el, section, slider } from "./dom.js";
import { LETTERS, pointText } from "./format.js";
import { DEFAULT_THRESHOLD } from "./judge.js";
import { text } from "./language.js";
import { shownRuns } from "./pair.js";
import { roundedDown, shownThreshold } from "./shown_threshold.js";

/**
 * The confidence threshold of one run: a slider, the exact number, the mark of the operating point.
 * @param {PageData} data
 * @param {Store} store
 * @param {number} m
 */
export function oneThreshold(data, store, m, prefix = "") {
  const model = data.models[m];
  const name = data.models.length > 1 ? `${text("confidence")} ${LETTERS[m]}` : text("confidence");
  const set = (/** @type {number | null} */ value) => {
    const next = [...store.state.thresholds];
    next[m] = value;
    store.change({ thresholds: next });
  };
  const start = store.initial.thresholds[m];
  const min = Math.ceil(model.floor * 1000) / 1000;
  const input = slider(`${prefix}confidence-${m}`, name, { min, max: 1, step: 0.001, value: min, onmove: set });
  const exact = el("input", { type: "number", min: 0, max: 1, step: "any", id: `${prefix}confidence-${m}-exact`, "aria-label": text("confidence.exact", { name }),
    onchange: () => { if (exact.value !== "") set(Math.min(1, Math.max(min, Number(exact.value)))); } });
  const mark = model.threshold === null ? null : button(
    [el("span", { class: "tick" }, "▲"), ` ${text("operating_point", { threshold: pointText(data, m) })}`], () => set(start),
    { class: "mark", title: text("operating_point.rule", { rule: model.rule ?? "" }) });
  if (mark && model.threshold !== null) mark.style.setProperty("--at", String((model.threshold - min) / (1 - min)));
  const folds = model.foldThresholds.length > 0 ? el("p", { class: "hint" }) : null;
  const root = el("div", { class: "threshold" },
    el("div", { class: "row" }, el("label", { for: `${prefix}confidence-${m}` }, name), exact), input, mark,
    folds,
    model.floor > 0 && el("p", { class: "hint" }, text("confidence.floor", { floor: model.floor.toFixed(3) })));
  return {
    root,
    update() {
      const set = store.state.thresholds[m];
      const value = set ?? model.threshold ?? DEFAULT_THRESHOLD;
      input.value = String(value);
      if (document.activeElement !== exact) exact.value = set === null ? roundedDown(value, -1) : shownThreshold(data, m, value);
      if (mark) mark.classList.toggle("on", set === start);
      if (folds) folds.textContent = foldText(model, set);
    },
  };
}

/**
 * A cross-validation starts with the measured threshold of each fold; the slider replaces them with a common threshold.
 * @param {Model} model
 * @param {number | null} threshold
 */
function foldText({ foldThresholds }, threshold) {
  if (threshold !== null) return text("folds.common", { threshold: roundedDown(threshold, -1) });
  const own = foldThresholds.map((value, i) => text("folds.one", { n: i + 1, threshold: value.toFixed(3) })).join(", ");
  return text("folds.own", { own });
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @returns {Control}
 */
export function confidences(data, store) {
  const each = data.models.map((_, m) => oneThreshold(data, store, m));
  return {
    root: section(text("threshold"), ...each.map((one) => one.root)),
    update() {
      for (const one of each) one.update();
    },
  };
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @returns {Control}
 */
export function thresholds(data, store) {
  const each = data.models.map((_, m) => oneThreshold(data, store, m));
  const input = slider("iou", text("iou"), { min: 0.1, max: 0.95, step: 0.01, value: store.state.iou, onmove: (iou) => store.change({ iou }) });
  const value = el("output", { for: "iou" });
  const masked = data.images.every((image) => image.masked);
  /** @type {[IouKind, string][]} */
  const kindsOfIou = [["boxes", text("iou.boxes")], ["masks", text("iou.masks")]];
  const by = masked ? choice(text("iou"), kindsOfIou, () => store.state.by, (v) => store.change({ by: v })) : null;
  return {
    root: section(text("thresholds"), ...each.map((one) => one.root), el("div", { class: "threshold" },
      el("div", { class: "row" },
        el("label", { for: "iou", title: text("iou.meaning") }, text("iou")),
        by ? by.root : el("span", { class: "hint" }, text("iou.boxes")), value), input)),
    update() {
      each.forEach((one, m) => {
        one.root.hidden = !shownRuns(data, store.state).includes(m);
        one.update();
      });
      input.value = String(store.state.iou);
      value.textContent = store.state.iou.toFixed(2);
      by?.update();
    },
  };
}
