// The grid of images. Only the visible rows exist, so thousands of images scroll as smoothly as ten.

import { text } from "./language.js";
import { shownRuns } from "./pair.js";
import { nextPosition } from "./roving.js";
import { makeTile } from "./tile.js";

const GAP = 12;
const CAPTION = 29; // pixels of a caption without its verdict
const LETTER = 18; // of the letter of a run above its image, where there are several
const LINE = 18; // of each of its lines
const NARROW = 240; // pixels; a verdict on a narrower tile may take three lines
const SPARE_ROWS = 2;
const SLICE_MILLISECONDS = 12;

/**
 * @typedef {import("./tile.js").Context} Context
 * @typedef {import("./tile.js").Layout} Layout
 * @typedef {import("./tile.js").Tile} Tile
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
  /** @type {PageImage | null} the image that the tab key and the arrow keys start from */
  let active = null;
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", text("tab.images"));

  /**
   * @param {Context} now
   * @returns {Layout}
   */
  function measure({ state }) {
    const width = place.clientWidth;
    const wanted = state.tile * (panes === 2 ? 1.7 : 1);
    const columns = Math.max(1, Math.floor((width + GAP) / (wanted + GAP)), width < 560 && panes === 1 ? 2 : 1);
    const tile = Math.floor((width - GAP * (columns - 1)) / columns);
    const lines = tile < NARROW ? 3 : 2;
    const height = Math.round(((tile - 2) / panes) * aspect) + (panes > 1 ? LETTER : 0) + CAPTION + LINE * lines;
    return { columns, tile, height, lines };
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
      const { root } = tileOf(image, k, redraw, context);
      const at = first * next.columns + k;
      root.style.transform = `translate(${(at % next.columns) * (next.tile + GAP)}px,${Math.floor(at / next.columns) * rowHeight}px)`;
      root.tabIndex = -1;
    }
    const visible = chosen[Math.ceil(Math.max(0, -above) / rowHeight) * next.columns];
    const stop = active && wanted.includes(active) ? active : visible ?? wanted[0];
    if (stop) tiles.get(stop.index)?.root.setAttribute("tabindex", "0");
    drawSoon();
  }

  /**
   * The tile of an image as the k-th element: readers that do not see the images read them in their order.
   * @param {PageImage} image
   * @param {number} k
   * @param {boolean} redraw
   * @param {Context} now
   */
  function tileOf(image, k, redraw, now) {
    const old = tiles.get(image.index);
    const tile = old ?? makeTile(data, image, now.state, /** @type {Layout} */ (layout), aspect, onopen);
    tiles.set(image.index, tile);
    const there = place.children[k] ?? null;
    if (there !== tile.root && tile.root !== document.activeElement) place.insertBefore(tile.root, there);
    if (!old || redraw) {
      tile.describe(now);
      waiting.add(tile);
    }
    return tile;
  }

  /**
   * Scroll to an image and give it the keyboard focus.
   * @param {PageImage} image
   */
  function focus(image) {
    const at = chosen.indexOf(image);
    if (at < 0 || !layout) return;
    active = image;
    const rowHeight = layout.height + GAP;
    const top = place.getBoundingClientRect().top - scroller.getBoundingClientRect().top + Math.floor(at / layout.columns) * rowHeight;
    const bar = parseFloat(getComputedStyle(scroller).scrollPaddingTop) || 0;
    if (top < bar) scroller.scrollTop += top - bar;
    else if (top + rowHeight > scroller.clientHeight) scroller.scrollTop += top + rowHeight - scroller.clientHeight;
    refresh(false);
    tiles.get(image.index)?.root.focus({ preventScroll: true });
  }

  /**
   * Move the focus by a key; false if the key does not move it. Without a focused image, an arrow key focuses the tab stop.
   * @param {string} key
   */
  function press(key) {
    if (!layout) return false;
    const stop = [...tiles.values()].find(({ root }) => root.tabIndex === 0);
    const inside = place.contains(document.activeElement);
    const at = inside && active ? chosen.indexOf(active) : chosen.findIndex(({ index }) => tiles.get(index) === stop);
    const rows = Math.floor(scroller.clientHeight / (layout.height + GAP));
    const next = nextPosition(key, Math.max(0, at), { count: chosen.length, columns: layout.columns, rows });
    if (next === null) return false;
    focus(chosen[!inside && key.startsWith("Arrow") ? Math.max(0, at) : next]);
    return true;
  }

  place.addEventListener("focusin", (event) => {
    for (const [index, { root }] of tiles) if (root.contains(/** @type {Node} */ (event.target))) active = data.images[index];
  });
  scroller.addEventListener("scroll", () => requestAnimationFrame(() => refresh(false)), { passive: true });
  new ResizeObserver(() => refresh(false)).observe(place);
  return { show, focus, press, addCrops: () => refresh(true) };
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
