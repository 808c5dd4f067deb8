// The panel at the side: thresholds, filters with their counts, layers, legend.

import { button, byId, checkbox, choice, el, section, slider } from "./dom.js";
import { LETTERS } from "./format.js";
import { kindsFor, NOTED } from "./filters.js";
import { ghostToggle } from "./ghosts.js";
import { typeDecision } from "./image_words.js";
import { text } from "./language.js";
import { legend } from "./legend.js";
import { signIcon } from "./types.js";
import { hasMaps, mapControls } from "./maps.js";
import { SIZES } from "./measure.js";
import { confidences, thresholds } from "./thresholds.js";

/** @type {Record<Size, string>} */
const SIZE_LABELS = { small: text("size.small.label"), medium: text("size.medium.label"), large: text("size.large.label") };
const LAYER_ROWS = [["truth", text("truth")], ["prediction", text("prediction")]];
const LAYER_COLUMNS = [["masks", text("layer.mask")], ["outlines", text("layer.outline")], ["boxes", text("layer.box")], ["labels", text("layer.label")]];

/**
 * Build the panel; returns a function that shows the current state and counts.
 * @param {PageData} data
 * @param {Store} store
 */
export function makeControls(data, store) {
  /** @type {Control[]} */
  const parts = [];
  if (data.models.length) parts.push(data.hasTruth && data.judging === "defects" ? thresholds(data, store) : confidences(data, store));
  if (data.judging === "types") parts.push(typeDecision(store));
  if (data.models.length > 1) parts.push(focus(data, store));
  parts.push(kinds(data, store), types(data, store));
  if (data.hasTruth && data.judging !== "types") parts.push(sizes(store));
  if (hasMaps(data)) parts.push(mapControls(data, store));
  parts.push(layers(data, store), legend(data));
  byId("side").append(...parts.map((part) => part.root));
  return (/** @type {FacetCounts} */ counts) => {
    for (const part of parts) part.update(counts);
  };
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @returns {Control}
 */
function focus(data, store) {
  /** @type {[number, string][]} */
  const options = data.models.map((_, m) => [m, LETTERS[m]]);
  const pick = choice(text("run"), options, () => store.state.focus, (v) => store.change({ focus: v, cell: null }));
  const names = data.models.map((model, m) => el("p", { class: "hint" }, `${LETTERS[m]}: ${model.name}`));
  return { root: section(text("focus"), pick.root, ...names), update: pick.update };
}

/**
 * Buttons with counts; several can be on. The last one can be there only `whenAny` image is counted, or it is on.
 * @template {string | number} K
 * @param {{key: K, label: string | (() => string), hint: string, icon?: Node, whenAny?: boolean}[]} options
 * @param {() => K[]} current
 * @param {(chosen: K[]) => void} onchange
 * @param {(counts: FacetCounts) => Map<K, number>} countsOf
 */
function chips(options, current, onchange, countsOf) {
  const made = options.map(({ key, label, hint, icon, whenAny }) => {
    const number = el("span", { class: "number" });
    const words = el("span", { class: "text" }, typeof label === "string" ? label : "");
    const root = button([icon, words, number], () => {
      const now = current();
      onchange(now.includes(key) ? now.filter((v) => v !== key) : [...now, key]);
    }, { class: "chip", title: hint, "data-key": key });
    return { key, root, number, words, label, whenAny };
  });
  const holder = el("div", { class: "chips" }, made.filter(({ whenAny }) => !whenAny).map((chip) => chip.root));
  return {
    root: holder,
    update(/** @type {FacetCounts} */ counts) {
      for (const { key, root, number, words, label, whenAny } of made) {
        if (typeof label === "function") words.textContent = label();
        const n = countsOf(counts).get(key) ?? 0;
        number.textContent = String(n);
        root.setAttribute("aria-pressed", String(current().includes(key)));
        root.classList.toggle("none", n === 0);
        const wanted = !whenAny || n > 0 || current().includes(key);
        if (!wanted) root.remove();
        else if (!root.parentNode) holder.append(root);
      }
    },
  };
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @returns {Control}
 */
function kinds(data, store) {
  const letters = () => ({ first: LETTERS[store.state.pair[0]], second: LETTERS[store.state.pair[1]] });
  const options = kindsFor(data).map((key) => ({ key, label: () => text(`kind.${key}`, letters()), hint: text(`kind.${key}.meaning`), whenAny: key === NOTED }));
  const made = chips(options, () => store.state.show, (show) => store.change({ show }), (counts) => counts.kinds);
  return { root: section(text("kinds"), made.root), update: made.update };
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @returns {Control}
 */
function types(data, store) {
  const options = data.types.map(({ name }, key) => ({ key, label: name, hint: text("types.filter", { type: name }), icon: signIcon(data, key) }));
  const made = chips(options, () => store.state.types, (chosen) => store.change({ types: chosen }), (counts) => counts.types);
  return { root: section(text("types"), made.root), update: made.update };
}

/**
 * @param {Store} store
 * @returns {Control}
 */
function sizes(store) {
  const options = SIZES.map((key) => ({ key, label: SIZE_LABELS[key], hint: text("sizes.filter") }));
  const made = chips(options, () => store.state.sizes, (chosen) => store.change({ sizes: chosen }), (counts) => counts.sizes);
  return { root: section(text("sizes"), made.root), update: made.update };
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @returns {Control}
 */
function layers(data, store) {
  const rows = LAYER_ROWS.filter(([key]) => (key === "truth" ? data.hasTruth : data.models.length));
  /** @type {[layer: string, input: HTMLInputElement][]} */
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
  const opacity = slider("opacity", text("opacity"), { min: 0, max: 1, step: 0.05, value: store.state.opacity, onmove: (v) => store.change({ opacity: v }) });
  const shown = data.types.map((type, i) => checkbox(type.name, (on) => {
    const { hidden } = store.state;
    store.change({ hidden: on ? hidden.filter((t) => t !== i) : [...hidden, i] });
  }, { "data-type": i }));
  const ghosts = ghostToggle(store);
  return {
    root: section(text("layers"), table, data.models.length ? ghosts.root : "", el("div", { class: "row" }, el("label", { for: "opacity" }, text("opacity")), opacity),
      el("div", { class: "toggles" }, shown.map((toggle) => toggle.root))),
    update() {
      for (const [layer, input] of boxes) input.checked = store.state.layers.includes(layer);
      ghosts.update();
      opacity.value = String(store.state.opacity);
      shown.forEach(({ input }, i) => { input.checked = !store.state.hidden.includes(i); });
    },
  };
}
