// The whole page: one state, and one update function that redraws only the parts that a change affects.

import { bucketsFor } from "./affected.js";
import { button, byId, choice, el, note } from "./dom.js";
import { makeControls } from "./controls.js";
import { listenToBack } from "./back.js";
import { makeDetail } from "./detail.js";
import { cellImages } from "./cell_images.js";
import { chosenImages, followsThresholds, makeFacetCounts } from "./filters.js";
import { makeFigures } from "./figures.js";
import { makeGrid } from "./grid.js";
import { listenToKeys } from "./keys.js";
import { LANGUAGE, LANGUAGES, text } from "./language.js";
import { hasMaps, makeMapFilters } from "./maps.js";
import { judgeAll } from "./judge_all.js";
import { guardNotes } from "./notes.js";
import { readData } from "./prepare.js";
import { cellText, selectionText } from "./selection.js";
import { allScores } from "./shown_threshold.js";
import { SORTS } from "./sort.js";
import { shareMenu } from "./share.js";
import { LAYERS, makeStore } from "./state.js";
import { makeTables } from "./tables.js";
import { makeTallies } from "./tallies.js";

/** @type {StateKey[]} */
const JUDGING = ["thresholds", "iou", "by"];
/** @type {StateKey[]} */
const CHOOSING = [...JUDGING, "pair", "costs", "show", "types", "sizes", "text", "cell", "sort", "falling", "focus", "decide", "abstain", "notes"];
/** @type {StateKey[]} */
const DRAWING = [...CHOOSING, "hidden", "tile", "corner", "ghosts"];
/** @type {Theme[]} */
const THEMES = ["auto", "light", "dark"];
/** @type {["images" | "tables", string][]} */
const TABS = [["images", text("tab.images")], ["tables", text("tab.tables")]];

const SLOW_TABLES = 40; // milliseconds
const TABLES_DELAY = 120;

const data = readData();
const store = makeStore(data);
const { state } = store;
const judges = data.models.length > 0 && data.hasTruth;

/** @type {Judged} */
let judged = [];
/** @type {PageImage[] | null} null until they are needed */
let chosen = null;
/** @type {FacetCounts} */
let counts = { kinds: new Map(), types: new Map(), sizes: new Map() };

const tallies = makeTallies(data);
const facetCounts = makeFacetCounts(data);
const detail = makeDetail(data, store, chosenNow);
const grid = makeGrid(byId("images"), byId("main"), data, (image) => store.change({ image: image.name }));
const updateControls = makeControls(data, store);
/** @type {ReturnType<typeof makeTables> | null} */
let updateTables = null;
const { help } = listenToKeys(data, store, detail, grid);
const showFigures = makeFigures(data, store);
const bar = makeBar();
const showMaps = hasMaps(data) ? makeMapFilters(data) : () => {};
const tabs = judges ? makeTabs() : null;
makeTools();
makeSkipLink();
listenToBack(store);
guardNotes(store);
byId("subtitle").textContent = subtitle();

const places = { images: 0, tables: 0 };
let lastTab = state.tab;
let lastImage = state.image;
let tablesTimer = 0;
let tablesMilliseconds = 0;
/** @type {Set<StateKey>} */
let dirty = new Set(DRAWING);
let waiting = false;
store.listen((keys) => {
  for (const key of keys) dirty.add(key);
  lastImage = state.image ?? lastImage;
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => { waiting = false; update(); });
});
update(true);
document.addEventListener("DOMContentLoaded", () => { grid.addCrops(); detail.addCrops(); });
data.models.forEach((_, m) => { setTimeout(() => prepareMoves(m)); });
window.defectline = { state, store, results: () => ({ judged, chosen: chosenNow(), sums: sums() }) };

/**
 * Sort what a move of a slider needs, so that the first one is as quick as the next.
 * @param {number} m
 */
function prepareMoves(m) {
  allScores(data, m);
  bucketsFor(data, m, "scores");
  if (data.judging === "defects") bucketsFor(data, m, state.by);
}

function sums() {
  return tallies.totals(judged);
}

/** The images to show. */
function chosenNow() {
  chosen ??= chosenImages(data, judged, state, state.cell && judges ? cellImages(data, judged, state.cell, state) : null);
  return chosen;
}

function update(first = false) {
  const changed = (/** @type {StateKey[]} */ keys) => first || keys.some((key) => dirty.has(key));
  const rejudged = changed(JUDGING);
  if (rejudged && data.models.length) judged = judgeAll(data, state, judged);
  if (changed(CHOOSING.filter((key) => !JUDGING.includes(key))) || (rejudged && followsThresholds(state))) chosen = null;
  const redraw = changed(DRAWING);
  const rechosen = changed(CHOOSING);
  const counting = changed([...JUDGING, "focus", "pair", "costs", "notes"]);
  const turned = changed(["tab"]);
  dirty = new Set();
  places[lastTab] = byId("main").scrollTop;
  byId("images").hidden = state.tab !== "images" && judges;
  byId("tables").hidden = !byId("images").hidden;
  showLayers();
  if (redraw || turned) showFigures(judged, judges ? sums() : []);
  if (counting) counts = facetCounts(judged, state);
  updateControls(counts);
  bar.update();
  if (tabs) tabs.update();
  if (!byId("images").hidden) grid.show(chosenNow(), { state, judged });
  else if (redraw || turned) drawTables(turned);
  if (state.tab !== lastTab) {
    byId("main").scrollTop = rechosen ? 0 : places[state.tab];
    lastTab = state.tab;
  }
  showLarge();
}

/**
 * The second tab. If drawing it takes long, as with thousands of images, it waits until the slider stops.
 * @param {boolean} now
 */
function drawTables(now) {
  const place = byId("tables");
  clearTimeout(tablesTimer);
  if (!now && tablesMilliseconds > SLOW_TABLES) {
    place.setAttribute("aria-busy", "true");
    tablesTimer = setTimeout(() => drawTables(true), TABLES_DELAY);
    return;
  }
  const start = performance.now();
  updateTables ??= makeTables(place, data, store, tallies);
  updateTables(judged, sums());
  place.removeAttribute("aria-busy");
  tablesMilliseconds = performance.now() - start;
}

/** The large view; when it closes, the focus goes to the tile of its last image. */
function showLarge() {
  const wasOpen = detail.isOpen();
  detail.show(state.image, judged);
  const last = wasOpen && !detail.isOpen() && !byId("images").hidden ? chosenNow().find(({ name }) => name === lastImage) : null;
  if (last) grid.focus(last);
}

function makeSkipLink() {
  const link = byId("skip");
  link.textContent = text("skip");
  link.addEventListener("click", (event) => {
    event.preventDefault();
    byId("main").focus();
  });
}

function subtitle() {
  const split = !data.split ? text("subtitle.new") : data.split === "all" ? text("subtitle.all") : text("subtitle.split", { split: data.split });
  const images = data.selected ? text("subtitle.selection", { n: data.images.length, whole: data.selected }) : text("images", { n: data.images.length });
  return `${data.dataset} · ${split} · ${images}`;
}

function showLayers() {
  const root = document.documentElement;
  for (const layer of LAYERS) root.classList.toggle(`no-${layer}`, !state.layers.includes(layer));
  root.style.setProperty("--opacity", String(state.opacity));
  showMaps(state);
  if (state.theme === "auto") delete root.dataset.theme;
  else root.dataset.theme = state.theme;
}

function languageMenu() {
  const menu = el("select", { id: "language", "aria-label": text("language.choose"), onchange: () => {
    store.change({ language: menu.value });
    store.flush();
    location.reload();
  } }, LANGUAGES.map(([code, name]) => el("option", { value: code, lang: code }, name)));
  menu.value = LANGUAGE;
  return menu;
}

function makeTabs() {
  const pick = choice(text("tabs"), TABS, () => state.tab, (tab) => store.change({ tab }));
  byId("tabs").append(pick.root);
  return pick;
}

function makeTools() {
  byId("tools").append(languageMenu(),
    button(text("filters"), () => document.body.classList.toggle("side-open"), { class: "side-button" }),
    button("◐", () => {
      const theme = THEMES[(THEMES.indexOf(state.theme) + 1) % THEMES.length];
      store.change({ theme });
      note(text("theme.now", { theme: text(`theme.${theme}`) }));
    }, { title: text("theme"), "aria-label": text("theme") }),
    button("?", () => help.showModal(), { title: `${text("keys")} (?)`, "aria-label": text("keys") }));
}

function makeBar() {
  const search = el("input", { type: "search", id: "search", placeholder: text("search"), "aria-label": text("search.label"),
    oninput: () => store.change({ text: search.value }) });
  const sorts = SORTS.filter(([, runs, truth]) => data.models.length >= runs && (data.hasTruth || !truth));
  const sort = el("select", { id: "sort", "aria-label": text("sort"), onchange: () => store.change({ sort: sort.value }) },
    sorts.map(([key]) => el("option", { value: key }, text(`sort.${key}`))));
  const turn = button("↑↓", () => store.change({ falling: !state.falling }), { id: "turn", title: text("sort.turn"), "aria-label": text("sort.turn") });
  const size = el("input", { type: "range", min: 120, max: 520, step: 10, id: "tile", "aria-label": text("tile"), title: text("tile"),
    oninput: () => store.change({ tile: Number(size.value) }) });
  const shown = el("strong", { id: "count" });
  const cell = button("", () => store.change({ cell: null }), { class: "chip", title: text("cell.clear") });
  const clear = button(text("filters.clear"), () => store.change({ show: [], types: [], sizes: [], text: "", cell: null }), { id: "clear" });
  byId("bar").append(shown, cell, clear, el("span", { class: "spring" }), search, sort, turn, size, shareMenu(data, store, () => ({ chosen: chosenNow(), judged })));
  return {
    update() {
      byId("bar").hidden = state.tab !== "images" && judges;
      if (!byId("bar").hidden) shown.textContent = selectionText(chosenNow().length, data.images.length);
      if (document.activeElement !== search) search.value = state.text;
      sort.value = sort.querySelector(`option[value="${CSS.escape(state.sort)}"]`) ? state.sort : "name";
      size.value = String(state.tile);
      turn.setAttribute("aria-pressed", String(state.falling));
      cell.hidden = !state.cell;
      if (state.cell) cell.textContent = `${cellText(data, state.cell, state.pair)} ✕`;
      clear.hidden = !(state.show.length || state.types.length || state.sizes.length || state.text || state.cell);
    },
  };
}
