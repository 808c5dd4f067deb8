// The side: thresholds, filters with their counts, layers.

import { button, byId, el, slider, toggle } from "./dom.js";
import { LETTERS, pointWords, score } from "./format.js";
import { kindsFor } from "./filters.js";
import { signIcon, swatch } from "./types.js";
import { SIZES } from "./measure.js";

const SIZE_WORDS = { small: "Small, below 32² px", medium: "Medium, below 96² px", large: "Large" };
const LAYER_ROWS = [["truth", "Truth"], ["prediction", "Prediction"]];
const LAYER_COLUMNS = [["masks", "Mask"], ["outlines", "Outline"], ["boxes", "Box"], ["labels", "Label"]];

/** Build the side once; returns `update(counts)`, which brings it in line with the state. */
export function makeControls(data, store) {
  const parts = [
    data.models.length && data.hasTruth ? thresholds(data, store) : data.models.length ? confidences(data, store) : null,
    data.models.length > 1 ? focus(data, store) : null,
    kinds(data, store),
    types(data, store),
    data.hasTruth ? sizes(store) : null,
    layers(data, store),
    legend(data),
  ].filter(Boolean);
  byId("side").append(...parts.map((part) => part.root));
  return (counts) => parts.forEach((part) => part.update(counts));
}

function section(title, ...children) {
  return el("section", {}, el("h2", {}, title), ...children);
}

function oneThreshold(data, store, m) {
  const model = data.models[m];
  const name = data.models.length > 1 ? `Confidence ${LETTERS[m]}` : "Confidence";
  const set = (value) => {
    const next = [...store.state.thresholds];
    next[m] = value;
    store.change({ thresholds: next });
  };
  const start = store.initial.thresholds[m];
  const least = Math.ceil(model.floor * 1000) / 1000;
  const input = slider(`confidence-${m}`, name, { min: least, max: 1, step: 0.001, value: least, onmove: set });
  const exact = el("input", { type: "number", min: least, max: 1, step: 0.001, id: `confidence-${m}-exact`, "aria-label": `${name}, exact`,
    onchange: () => { if (exact.value !== "") set(Math.min(1, Math.max(least, Number(exact.value)))); } });
  const mark = model.threshold !== null && button("", () => set(start), { class: "mark", title: `Operating point: ${model.rule}` });
  if (mark) {
    mark.append(el("span", { class: "tick" }, "▲"), ` operating point ${pointWords(model)}`);
    mark.style.setProperty("--at", (model.threshold - least) / (1 - least));
  }
  const folds = model.foldThresholds.length > 0 && el("p", { class: "hint" });
  const root = el("div", { class: "threshold" },
    el("div", { class: "row" }, el("label", { for: `confidence-${m}` }, name), exact), input, mark,
    folds,
    model.floor > 0 && el("p", { class: "hint" }, `Predictions below ${score(model.floor)} are not in this page.`));
  return {
    root,
    update() {
      const value = store.state.thresholds[m] ?? model.threshold;
      input.value = value;
      if (document.activeElement !== exact) exact.value = Number(value.toFixed(3));
      if (mark) mark.classList.toggle("on", store.state.thresholds[m] === start);
      if (folds) folds.textContent = foldWords(model, store.state.thresholds[m]);
    },
  };
}

// A cross-validation starts with a threshold per fold, as it was measured; the slider puts one in place of all.
function foldWords({ foldThresholds }, threshold) {
  if (threshold !== null) return `All folds count from ${score(threshold)} on. ▲ goes back to each fold's own threshold.`;
  const own = foldThresholds.map((value, i) => `${i + 1} from ${score(value)}`).join(", ");
  return `Each fold counts at its own threshold, as it was measured: fold ${own}. The slider stands at their median; moving it sets one for all.`;
}

function confidences(data, store) {
  const each = data.models.map((_, m) => oneThreshold(data, store, m));
  return { root: section("Threshold", ...each.map((one) => one.root)), update: () => each.forEach((one) => one.update()) };
}

function thresholds(data, store) {
  const each = data.models.map((_, m) => oneThreshold(data, store, m));
  const input = slider("iou", "IoU", { min: 0.1, max: 0.95, step: 0.01, value: store.state.iou, onmove: (iou) => store.change({ iou }) });
  const value = el("output", { for: "iou" });
  const masked = data.images.every((image) => image.masked);
  const by = masked && choice("by", [["boxes", "of boxes"], ["masks", "of masks"]], () => store.state.by, (v) => store.change({ by: v }));
  return {
    root: section("Thresholds", ...each.map((one) => one.root), el("div", { class: "threshold" },
      el("div", { class: "row" }, el("label", { for: "iou", title: "How much a prediction must overlap an annotation to count as right" }, "IoU"),
        by ? by.root : el("span", { class: "hint" }, "of boxes"), value), input)),
    update() {
      each.forEach((one) => one.update());
      input.value = store.state.iou;
      value.textContent = store.state.iou.toFixed(2);
      if (by) by.update();
    },
  };
}

/** A row of buttons of which one is on. */
export function choice(name, options, current, onchoose) {
  const buttons = options.map(([key, text]) => button(text, () => onchoose(key), { "data-key": key }));
  return {
    root: el("span", { class: "choice", role: "group", "aria-label": name }, buttons),
    update: () => buttons.forEach((b, i) => b.setAttribute("aria-pressed", String(options[i][0] === current()))),
  };
}

function focus(data, store) {
  const pick = choice("Run", data.models.map((_, m) => [m, LETTERS[m]]), () => store.state.focus, (v) => store.change({ focus: v, cell: null }));
  const names = data.models.map((model, m) => el("p", { class: "hint" }, `${LETTERS[m]}: ${model.name}`));
  return { root: section("Filters and tables look at", pick.root, ...names), update: pick.update };
}

/** Chips with counts that can be on or off, several at once. */
function chips(store, key, options, countsOf) {
  const made = options.map(([value, label, hint, icon]) => {
    const number = el("span", { class: "number" });
    const root = button([icon ?? "", el("span", { class: "text" }, label), number], () => {
      const now = store.state[key];
      store.change({ [key]: now.includes(value) ? now.filter((v) => v !== value) : [...now, value] });
    }, { class: "chip", title: hint, "data-key": String(value) });
    return { value, root, number };
  });
  return {
    root: el("div", { class: "chips" }, made.map((chip) => chip.root)),
    update(counts) {
      for (const { value, root, number } of made) {
        const n = countsOf(counts).get(value);
        number.textContent = n;
        root.setAttribute("aria-pressed", String(store.state[key].includes(value)));
        root.classList.toggle("none", n === 0);
      }
    },
  };
}

function kinds(data, store) {
  const options = kindsFor(data).map(([key, label, hint]) => [key, label, hint]);
  const made = chips(store, "show", options, (counts) => counts.kinds);
  return { root: section("Show images", made.root), update: made.update };
}

function types(data, store) {
  const made = chips(store, "types", data.types.map((type, i) => [i, type.name, `images with ${type.name}`, signIcon(data, i)]), (c) => c.types);
  return { root: section("Defect type", made.root), update: made.update };
}

function sizes(store) {
  const made = chips(store, "sizes", SIZES.map((size) => [size, SIZE_WORDS[size], "images with a defect of this size"]), (c) => c.sizes);
  return { root: section("Defect size", made.root), update: made.update };
}

function layers(data, store) {
  const rows = LAYER_ROWS.filter(([key]) => (key === "truth" ? data.hasTruth : data.models.length));
  const boxes = [];
  const table = el("table", { class: "layers" },
    el("tr", {}, el("td"), LAYER_COLUMNS.map(([, name]) => el("th", { scope: "col" }, name))),
    rows.map(([row, rowName]) => el("tr", {}, el("th", { scope: "row" }, rowName), LAYER_COLUMNS.map(([column, name]) => {
      const layer = `${row}-${column}`;
      const input = el("input", { type: "checkbox", "aria-label": `${rowName} ${name}`, "data-layer": layer,
        onchange: () => store.change({ layers: input.checked ? [...store.state.layers, layer] : store.state.layers.filter((l) => l !== layer) }) });
      boxes.push([layer, input]);
      return el("td", {}, input);
    }))));
  const opacity = slider("opacity", "Opacity of masks", { min: 0, max: 1, step: 0.05, value: store.state.opacity, onmove: (v) => store.change({ opacity: v }) });
  const shown = data.types.map((type, i) => toggle(type.name, true, (on) => {
    const { hidden } = store.state;
    store.change({ hidden: on ? hidden.filter((t) => t !== i) : [...hidden, i] });
  }, { "data-type": String(i) }));
  return {
    root: section("Layers", table, el("div", { class: "row" }, el("label", { for: "opacity" }, "Opacity of masks"), opacity), el("div", { class: "toggles" }, shown)),
    update() {
      for (const [layer, input] of boxes) input.checked = store.state.layers.includes(layer);
      opacity.value = store.state.opacity;
      shown.forEach((label, i) => { label.firstChild.checked = !store.state.hidden.includes(i); });
    },
  };
}

function legend(data) {
  const sample = (dashed) => el("span", { class: `sample ${dashed ? "dashed" : ""}` });
  return {
    root: section("Legend",
      el("ul", { class: "legend" },
        data.types.map((type, i) => el("li", {}, swatch(data, i), signIcon(data, i), type.name)),
        data.hasTruth ? el("li", {}, sample(false), "truth") : "",
        data.models.length ? el("li", {}, sample(true), "prediction, with score") : "",
        data.models.length && data.hasTruth ? el("li", { class: "hint" }, "✓ right · ✗ nothing there · ≠ wrong type · ↔ poorly located · 2× found twice") : "")),
    update() {},
  };
}
