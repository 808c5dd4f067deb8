// A tile of the grid: an image with its overlay, and its caption.

import { el, svg } from "./dom.js";
import { LETTERS } from "./format.js";
import { fileName, splitBadge } from "./image_name.js";
import { loadMaps, mapPane } from "./maps.js";
import { drawOverlay } from "./overlay.js";
import { shownRuns } from "./pair.js";
import { cropSource } from "./prepare.js";
import { caption } from "./words.js";

/**
 * @typedef {{state: State, judged: Judged}} Context
 * @typedef {{columns: number, tile: number, height: number, lines: number}} Layout
 * @typedef {{root: HTMLElement, describe: (context: Context) => void, draw: (context: Context) => void}} Tile
 */

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
export function makeTile(data, image, state, layout, aspect, onopen) {
  const models = data.models.length ? shownRuns(data, state) : [null];
  const paneWidth = (layout.tile - 2) / models.length;
  const unit = Math.max(image.width / paneWidth, image.height / (paneWidth * aspect));
  const panes = models.map((model) => {
    const preview = el("img", { alt: "", decoding: "async" });
    const over = svg("svg", { viewBox: `0 0 ${image.width} ${image.height}` });
    return { model, preview, map: mapPane(image, model), over };
  });
  const words = el("span", { class: "words" });
  const noted = el("span", { class: "noted" }, "✎");
  const root = el("button", { type: "button", class: "tile", "data-name": image.name, onclick: () => onopen(image) },
    el("span", { class: "panes" }, panes.map(({ model, preview, map, over }) =>
      el("span", { class: "pane" }, panes.length > 1 && model !== null && el("span", { class: "letter" }, LETTERS[model]),
        el("span", { class: "frame" }, preview, map, over)))),
    el("span", { class: "caption" }, el("span", { class: "name", title: image.name }, fileName(image), noted, splitBadge(image)), words));
  root.style.width = `${layout.tile}px`;
  root.style.height = `${layout.height}px`;
  root.style.setProperty("--lines", String(layout.lines));

  /** @param {Context} context */
  function describe({ state, judged }) {
    const source = cropSource(image, 0);
    for (const { preview } of panes) if (source && !preview.hasAttribute("src")) preview.src = source;
    loadMaps(data, root);
    const text = caption(data, image, judged, state);
    root.dataset.mood = text.mood;
    words.textContent = text.words;
    words.title = text.words;
    const written = state.notes[image.name] ?? "";
    noted.hidden = !written;
    noted.title = written;
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
