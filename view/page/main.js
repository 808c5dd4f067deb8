// The whole page: one state, and one update function that redraws only the parts that a change affects.

import { button, byId, choice, el, note } from "./dom.js";
import { LETTERS, count, percent } from "./format.js";
import { makeControls } from "./controls.js";
import { makeDetail } from "./detail.js";
import { chosenImages, facetCounts } from "./filters.js";
import { makeGrid } from "./grid.js";
import { listenToKeys } from "./keys.js";
import { cellImages, judgeAll, totals } from "./measure.js";
import { readData } from "./prepare.js";
import { SORTS } from "./sort.js";
import { LAYERS, makeStore } from "./state.js";
import { cellText, makeTables, selectionText } from "./tables.js";

/** @type {StateKey[]} */
const JUDGING = ["thresholds", "iou", "by"];
/** @type {StateKey[]} */
const CHOOSING = [...JUDGING, "show", "types", "sizes", "text", "cell", "sort", "falling", "focus"];
/** @type {StateKey[]} */
const DRAWING = [...CHOOSING, "hidden", "tile"];
/** @type {Theme[]} */
const THEMES = ["auto", "light", "dark"];
/** @type {["images" | "tables", string][]} */
const TABS = [["images", "Images"], ["tables", "Curves and tables"]];

const data = readData();
const store = makeStore(data);
const { state } = store;
const judges = data.models.length > 0 && data.hasTruth;

/** @type {Judged} */
let judged = [];
/** @type {PageImage[]} */
let chosen = [];
/** @type {FacetCounts} */
let counts = { kinds: new Map(), types: new Map(), sizes: new Map() };

const detail = makeDetail(data, store, () => chosen);
const grid = makeGrid(byId("images"), byId("main"), data, (image) => store.change({ image: image.name }));
const updateControls = makeControls(data, store);
const updateTables = judges ? makeTables(byId("tables"), data, store) : null;
const { help } = listenToKeys(data, store, detail);
const bar = makeBar();
const tabs = judges ? makeTabs() : null;
makeTools();
byId("subtitle").textContent = subtitle();

/** @type {Set<StateKey>} */
let dirty = new Set(DRAWING);
let waiting = false;
store.listen((keys) => {
  for (const key of keys) dirty.add(key);
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; update(); });
});
update(true);
document.addEventListener("DOMContentLoaded", () => { grid.addCrops(); detail.addCrops(); });
window.defectline = { state, store, results: () => ({ judged, chosen, sums: sums() }) };

function sums() {
  return judged.map((one) => totals(data, one));
}

function update(first = false) {
  const changed = (/** @type {StateKey[]} */ keys) => first || keys.some((key) => dirty.has(key));
  const rejudged = changed(JUDGING);
  if (rejudged && data.models.length) judged = judgeAll(data, state, judged);
  if (changed(CHOOSING)) {
    const images = state.cell && judges ? cellImages(data, judged, state.cell, state.focus) : null;
    chosen = chosenImages(data, judged, state, images);
  }
  const redraw = changed(DRAWING);
  const counting = changed([...JUDGING, "focus"]);
  const turned = changed(["tab"]);
  dirty = new Set();
  byId("images").hidden = state.tab !== "images" && judges;
  byId("tables").hidden = !byId("images").hidden;
  showLayers();
  if (redraw) showNumbers();
  if (counting) counts = facetCounts(data, judged, state);
  updateControls(counts);
  bar.update();
  if (tabs) tabs.update();
  if (!byId("images").hidden) grid.show(chosen, { state, judged });
  else if (redraw || turned) updateTables?.(judged, sums());
  detail.show(state.image, judged);
}

function subtitle() {
  const split = !data.split ? "new images" : data.split === "all" ? "all splits" : `${data.split} split`;
  return `${data.dataset} · ${split} · ${count(data.images.length, "image")}`;
}

function showLayers() {
  const root = document.documentElement;
  for (const layer of LAYERS) root.classList.toggle(`no-${layer}`, !state.layers.includes(layer));
  root.style.setProperty("--opacity", String(state.opacity));
  if (state.theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = state.theme;
}

function showNumbers() {
  const rows = judges ? sums().map((sum, m) => [
    figure("Missed", sum.missed, `of ${sum.defective}`, sum.missed ? "bad" : "good", () => only("missed", m)),
    figure("False alarms", sum.alarms, `of ${sum.good}`, sum.alarms ? "bad" : "good", () => only("alarm", m)),
    figure("Precision", percent(sum.precision, 1)),
    figure("Recall", percent(sum.recall, 1)),
    figure("Right", sum.found, "TP"),
    figure("False", sum.wrong, "FP"),
    figure("Not found", sum.unfound, "FN"),
  ]) : [stockFigures()];
  byId("numbers").replaceChildren(...rows.map((row, m) => el("dl", { class: "figures", "data-run": String(m) },
    rows.length > 1 && el("div", { class: "figure letter" }, LETTERS[m]), row)));
}

/**
 * Show only the images of one kind.
 * @param {string} kind
 * @param {number} focus
 */
function only(kind, focus) {
  store.change({ show: [kind], focus, tab: "images", cell: null });
}

function stockFigures() {
  if (data.models.length) return [figure("With predictions", judged[0].filter((one) => one.count > 0).length, `of ${data.images.length}`)];
  const good = data.images.filter((image) => image.good).length;
  const annotations = data.images.reduce((sum, image) => sum + image.truths.length, 0);
  return [figure("With defects", data.images.length - good), figure("Good", good), figure("Annotations", annotations)];
}

/**
 * A number in the header.
 * @param {string} name
 * @param {number | string} value
 * @param {string} rest
 * @param {string} mood
 * @param {(() => void) | null} onclick
 */
function figure(name, value, rest = "", mood = "", onclick = null) {
  const content = [el("dt", {}, name), el("dd", {}, el("b", {}, value), rest ? ` ${rest}` : "")];
  return el("div", { class: `figure ${mood} ${onclick ? "link" : ""}`, "data-figure": name, onclick }, content);
}

function makeTabs() {
  const pick = choice("View", TABS, () => state.tab, (tab) => store.change({ tab }));
  byId("tabs").append(pick.root);
  return pick;
}

function makeTools() {
  byId("tools").append(
    button("Filters", () => document.body.classList.toggle("side-open"), { class: "side-button" }),
    button("◐", () => {
      const theme = THEMES[(THEMES.indexOf(state.theme) + 1) % THEMES.length];
      store.change({ theme });
      note(`Colours: ${theme}`);
    }, { title: "Light or dark", "aria-label": "Light or dark" }),
    button("?", () => help.showModal(), { title: "Keys (?)", "aria-label": "Keys" }));
}

function makeBar() {
  const search = el("input", { type: "search", id: "search", placeholder: "Search names and types", "aria-label": "Search file names and types",
    oninput: () => store.change({ text: search.value }) });
  const sorts = SORTS.filter(([, , runs, truth]) => data.models.length >= runs && (data.hasTruth || !truth));
  const sort = el("select", { id: "sort", "aria-label": "Sort by", onchange: () => store.change({ sort: sort.value }) },
    sorts.map(([key, name]) => el("option", { value: key }, name)));
  const turn = button("↑↓", () => store.change({ falling: !state.falling }), { title: "Reverse the order", "aria-label": "Reverse the order" });
  const size = el("input", { type: "range", min: 120, max: 520, step: 10, id: "tile", "aria-label": "Size of the images", title: "Size of the images",
    oninput: () => store.change({ tile: Number(size.value) }) });
  const shown = el("strong", { id: "count" });
  const cell = button("", () => store.change({ cell: null }), { class: "chip", title: "Show all again" });
  const clear = button("Clear filters", () => store.change({ show: [], types: [], sizes: [], text: "", cell: null }), { id: "clear" });
  byId("bar").append(shown, cell, clear, el("span", { class: "spring" }), search, sort, turn, size);
  return {
    update() {
      shown.textContent = selectionText(chosen.length, data.images.length);
      if (document.activeElement !== search) search.value = state.text;
      sort.value = sort.querySelector(`option[value="${CSS.escape(state.sort)}"]`) ? state.sort : "name";
      size.value = String(state.tile);
      turn.setAttribute("aria-pressed", String(state.falling));
      cell.hidden = !state.cell;
      if (state.cell) cell.textContent = `${cellText(data, state.cell)} ✕`;
      clear.hidden = !(state.show.length || state.types.length || state.sizes.length || state.text || state.cell);
      byId("bar").hidden = state.tab !== "images" && judges;
    },
  };
}
