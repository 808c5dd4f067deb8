// The grid of images. Only the visible rows exist, so thousands of images scroll as smoothly as ten.

import { el, svg } from "./dom.js";
import { LETTERS, fileName } from "./format.js";
import { loadMaps, mapPane } from "./maps.js";
import { drawOverlay } from "./overlay.js";
import { shownRuns } from "./pair.js";
import { cropSource } from "./prepare.js";
import { caption } from "./words.js";

const GAP = 12;
const CAPTION = 47;
const SPARE_ROWS = 2;
const SLICE_MILLISECONDS = 12;

/**
 * @typedef {{state: State, judged: Judged}} Context
 * @typedef {{columns: number, tile: number, height: number}} Layout
 * @typedef {{root: HTMLElement, describe: (context: Context) => void, draw: (context: Context) => void}} Tile
 */

/**
 * A grid inside `place`, which scrolls in `scroller`; `onopen` is called with the image of a clicked tile.
 * @param {HTMLElement} place
 * @param {HTMLElement} scroller
 * @param {PageData} data
 * @param {(image: PageImage) => void} onopen
 */
export function makeGrid(place, scroller, data, onopen) {
  /** @type {Map<number, Tile>} */
  const tiles = new Map();
  /** @type {Set<Tile>} */
  const waiting = new Set();
  const aspect = medianAspect(data);
  const panes = Math.min(2, Math.max(1, data.models.length));
  /** @type {PageImage[]} */
  let chosen = [];
  /** @type {Context | null} */
  let context = null;
  /** @type {Layout | null} */
  let layout = null;
  let drawing = false;
  let shownPair = "";

  /**
   * @param {Context} now
   * @returns {Layout}
   */
  function measure({ state }) {
    const width = place.clientWidth;
    const wanted = state.tile * (panes === 2 ? 1.7 : 1);
    const columns = Math.max(1, Math.floor((width + GAP) / (wanted + GAP)), width < 560 && panes === 1 ? 2 : 1);
    const tile = Math.floor((width - GAP * (columns - 1)) / columns);
    const height = Math.round(((tile - 2) / panes) * aspect) + CAPTION;
    return { columns, tile, height };
  }

  /**
   * @param {PageImage[]} images
   * @param {Context} next
   */
  function show(images, next) {
    chosen = images;
    context = next;
    refresh(true);
  }

  // Overlays are drawn in slices, so the page appears immediately, and scrolling and sliders stay smooth.
  function drawWaiting() {
    drawing = false;
    const end = performance.now() + SLICE_MILLISECONDS;
    for (const tile of waiting) {
      waiting.delete(tile);
      if (tile.root.isConnected && context) tile.draw(context);
      if (performance.now() > end) break;
    }
    drawSoon();
  }

  function drawSoon() {
    if (drawing || !waiting.size) return;
    drawing = true;
    setTimeout(drawWaiting);
  }

  /** @param {boolean} redraw */
  function refresh(redraw) {
    if (!context) return;
    const next = measure(context);
    const pair = String(shownRuns(data, context.state));
    const moved = pair !== shownPair || !layout || next.tile !== layout.tile || next.columns !== layout.columns;
    layout = next;
    shownPair = pair;
    const rowHeight = next.height + GAP;
    place.style.height = `${Math.ceil(chosen.length / next.columns) * rowHeight}px`;
    const above = place.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-above / rowHeight) - SPARE_ROWS);
    const last = Math.ceil((scroller.clientHeight - above) / rowHeight) + SPARE_ROWS;
    const wanted = chosen.slice(first * next.columns, last * next.columns);
    if (moved) drop(tiles, new Set());
    drop(tiles, new Set(wanted.map((image) => image.index)));
    for (const [k, image] of wanted.entries()) {
      const old = tiles.get(image.index);
      const tile = old ?? makeTile(data, image, context.state, next, aspect, onopen);
      if (!old) {
        tiles.set(image.index, tile);
        place.append(tile.root);
      }
      if (!old || redraw) {
        tile.describe(context);
        waiting.add(tile);
      }
      const at = first * next.columns + k;
      const x = (at % next.columns) * (next.tile + GAP);
      tile.root.style.transform = `translate(${x}px,${Math.floor(at / next.columns) * rowHeight}px)`;
      tile.root.style.order = String(at);
    }
    drawSoon();
  }

  scroller.addEventListener("scroll", () => requestAnimationFrame(() => refresh(false)), { passive: true });
  new ResizeObserver(() => refresh(false)).observe(place);
  return { show, addCrops: () => refresh(true) };
}

/**
 * Remove all tiles except those of the images `keep`.
 * @param {Map<number, Tile>} tiles
 * @param {Set<number>} keep
 */
function drop(tiles, keep) {
  for (const [index, tile] of tiles) {
    if (!keep.has(index)) {
      tile.root.remove();
      tiles.delete(index);
    }
  }
}

/** @param {PageData} data */
function medianAspect(data) {
  const ratios = data.images.map((image) => image.height / image.width).sort((a, b) => a - b);
  return Math.min(1.5, Math.max(0.5, ratios[ratios.length >> 1] ?? 1));
}

/**
 * A tile. When a slider moves, its image stays and only the overlay and the caption are replaced.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {State} state
 * @param {Layout} layout
 * @param {number} aspect
 * @param {(image: PageImage) => void} onopen
 * @returns {Tile}
 */
function makeTile(data, image, state, layout, aspect, onopen) {
  const models = data.models.length ? shownRuns(data, state) : [null];
  const paneWidth = (layout.tile - 2) / models.length;
  const unit = Math.max(image.width / paneWidth, image.height / (paneWidth * aspect));
  const panes = models.map((model) => {
    const preview = el("img", { alt: "", decoding: "async" });
    const over = svg("svg", { viewBox: `0 0 ${image.width} ${image.height}` });
    return { model, preview, map: mapPane(image, model), over };
  });
  const words = el("span", { class: "words" });
  const root = el("button", { type: "button", class: "tile", "data-name": image.name, onclick: () => onopen(image) },
    el("span", { class: "panes" }, panes.map(({ model, preview, map, over }) =>
      el("span", { class: "pane" }, preview, map, over, panes.length > 1 && model !== null && el("span", { class: "letter" }, LETTERS[model])))),
    el("span", { class: "caption" }, el("span", { class: "name", title: image.name }, fileName(image.name)), words));
  root.style.width = `${layout.tile}px`;
  root.style.height = `${layout.height}px`;

  /** @param {Context} context */
  function describe({ state, judged }) {
    const source = cropSource(image, 0);
    for (const { preview } of panes) if (source && !preview.hasAttribute("src")) preview.src = source;
    loadMaps(data, root);
    const text = caption(data, image, judged, state);
    root.dataset.mood = text.mood;
    words.textContent = text.words;
  }

  /** @param {Context} context */
  function draw({ state, judged }) {
    for (const { model, over } of panes) {
      const one = model === null ? null : judged[model][image.index];
      const look = JSON.stringify([state.hidden, state.ghosts && one?.count, one && [one.predictionVerdicts, one.truthVerdicts]]);
      if (over.dataset.look === look) continue;
      over.dataset.look = look;
      over.replaceChildren(drawOverlay(data, image, model, one, state, unit));
    }
  }

  return { root, describe, draw };
}
