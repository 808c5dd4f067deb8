// The grid of images. Only the rows in sight exist, so that thousands of images scroll as easily as ten.

import { el, svg } from "./dom.js";
import { LETTERS, fileName } from "./format.js";
import { drawOverlay } from "./overlay.js";
import { cropSource } from "./prepare.js";
import { caption } from "./words.js";

const GAP = 12;
const CAPTION = 47;
const SPARE_ROWS = 2;
const SLICE = 12; // milliseconds

/** A grid inside `place`, which scrolls in `scroller`; `onopen` gets the image of a clicked tile. */
export function makeGrid(place, scroller, data, onopen) {
  const tiles = new Map();
  const waiting = new Set();
  const aspect = middleAspect(data);
  const panes = Math.max(1, data.models.length);
  let chosen = [];
  let context = null;
  let layout = null;
  let drawing = false;

  function measure() {
    const width = place.clientWidth;
    const wanted = context.state.tile * (panes === 2 ? 1.7 : 1);
    const columns = Math.max(1, Math.floor((width + GAP) / (wanted + GAP)), width < 560 && panes === 1 ? 2 : 1);
    const tile = Math.floor((width - GAP * (columns - 1)) / columns);
    const height = Math.round(((tile - 2) / panes) * aspect) + CAPTION;
    return { columns, tile, height };
  }

  function show(images, next) {
    chosen = images;
    context = next;
    refresh(true);
  }

  // Overlays are drawn in slices, so that the page shows at once and neither scrolling nor sliders stick.
  function drawWaiting() {
    drawing = false;
    const end = performance.now() + SLICE;
    for (const tile of waiting) {
      waiting.delete(tile);
      if (tile.root.isConnected) tile.draw(context);
      if (performance.now() > end) break;
    }
    drawSoon();
  }

  function drawSoon() {
    if (drawing || !waiting.size) return;
    drawing = true;
    setTimeout(drawWaiting);
  }

  function refresh(anew) {
    const next = measure();
    const moved = !layout || next.tile !== layout.tile || next.columns !== layout.columns;
    layout = next;
    const rowHeight = layout.height + GAP;
    place.style.height = `${Math.ceil(chosen.length / layout.columns) * rowHeight}px`;
    const above = place.getBoundingClientRect().top - scroller.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-above / rowHeight) - SPARE_ROWS);
    const last = Math.ceil((scroller.clientHeight - above) / rowHeight) + SPARE_ROWS;
    const wanted = chosen.slice(first * layout.columns, last * layout.columns);
    if (moved) drop(tiles, new Set());
    drop(tiles, new Set(wanted.map((image) => image.index)));
    wanted.forEach((image, k) => {
      let tile = tiles.get(image.index);
      const isNew = !tile;
      if (isNew) {
        tile = makeTile(data, image, layout, aspect, onopen);
        tiles.set(image.index, tile);
        place.append(tile.root);
      }
      if (isNew || anew) {
        tile.say(context);
        waiting.add(tile);
      }
      const at = first * layout.columns + k;
      const x = (at % layout.columns) * (layout.tile + GAP);
      tile.root.style.transform = `translate(${x}px,${Math.floor(at / layout.columns) * rowHeight}px)`;
      tile.root.style.order = at;
    });
    drawSoon();
  }

  scroller.addEventListener("scroll", () => requestAnimationFrame(() => context && refresh(false)), { passive: true });
  new ResizeObserver(() => context && refresh(false)).observe(place);
  return { show, fillIn: () => context && refresh(true) };
}

function drop(tiles, keep) {
  for (const [index, tile] of tiles) {
    if (!keep.has(index)) {
      tile.root.remove();
      tiles.delete(index);
    }
  }
}

function middleAspect(data) {
  const ratios = data.images.map((image) => image.height / image.width).sort((a, b) => a - b);
  return Math.min(1.5, Math.max(0.5, ratios[ratios.length >> 1] ?? 1));
}

// Pictures stay while sliders move; only what is drawn over them and the words under them are made anew.
function makeTile(data, image, layout, aspect, onopen) {
  const models = data.models.length ? data.models.map((_, m) => m) : [null];
  const paneWidth = (layout.tile - 2) / models.length;
  const unit = Math.max(image.width / paneWidth, image.height / (paneWidth * aspect));
  const panes = models.map((model) => {
    const picture = el("img", { alt: "", decoding: "async" });
    const over = svg("svg", { viewBox: `0 0 ${image.width} ${image.height}` });
    return { model, picture, over };
  });
  const words = el("span", { class: "words" });
  const root = el("button", { type: "button", class: "tile", "data-name": image.name, onclick: () => onopen(image) },
    el("span", { class: "panes" }, panes.map(({ picture, over }, m) =>
      el("span", { class: "pane" }, picture, over, panes.length > 1 && el("span", { class: "letter" }, LETTERS[m])))),
    el("span", { class: "caption" }, el("span", { class: "name", title: image.name }, fileName(image.name)), words));
  root.style.width = `${layout.tile}px`;
  root.style.height = `${layout.height}px`;

  function say({ judged }) {
    const source = cropSource(image, 0);
    for (const { picture } of panes) if (source && !picture.hasAttribute("src")) picture.src = source;
    const said = caption(data, image, judged);
    root.dataset.mood = said.mood;
    words.textContent = said.words;
  }

  function draw({ state, judged }) {
    for (const { model, over } of panes) {
      const one = model === null ? null : judged[model][image.index];
      const look = JSON.stringify([state.hidden, one && [one.predictionVerdicts, one.truthVerdicts]]);
      if (over.dataset.look === look) continue;
      over.dataset.look = look;
      over.replaceChildren(drawOverlay(data, image, model, one, state, unit));
    }
  }

  return { root, say, draw };
}
