// Maps over the images: score maps and heat maps. One SVG filter per run gives them their colours, so that a slider
// changes all of them at once, also where the page may not read the pixels of its files.

import { button, el, section, slider, svg } from "./dom.js";
import { LETTERS } from "./format.js";
import { text } from "./language.js";

const LEVELS = 256;
const COLOURS = [[20, 11, 52], [87, 16, 110], [151, 39, 102], [211, 66, 67], [246, 125, 21], [250, 193, 39], [252, 255, 164]];
const FAINT = 0.5; // part of the range of colours from which a whole map has its full opacity

/**
 * The map of an image by a run, null if it has none; loadMaps gives it its pixels.
 * @param {PageImage} image
 * @param {number | null} model
 */
export function mapImage(image, model) {
  if (model === null || !image.maps[model]) return null;
  const { width, height } = image;
  return svg("image", { class: "map", width, height, preserveAspectRatio: "none", filter: `url(#map-colours-${model})`, "data-map": `${image.index}-${model}`,
    href: mapSource(image, model) });
}

/**
 * The map of an image as a layer of a tile.
 * @param {PageImage} image
 * @param {number | null} model
 */
export function mapPane(image, model) {
  const layer = mapImage(image, model);
  return layer && svg("svg", { viewBox: `0 0 ${image.width} ${image.height}`, class: "map-pane" }, layer);
}

/**
 * Give the maps inside an element their pixels, if these were not yet in the page.
 * @param {PageData} data
 * @param {Element} root
 */
export function loadMaps(data, root) {
  for (const layer of root.querySelectorAll("image.map:not([href])")) {
    const [index, model] = (/** @type {SVGElement} */ (layer).dataset.map ?? "").split("-").map(Number);
    const source = mapSource(data.images[index], model);
    if (source) layer.setAttribute("href", source);
  }
}

/**
 * @param {PageImage} image
 * @param {number} model
 */
function mapSource(image, model) {
  const source = image.maps[model];
  if (source !== true) return source;
  const block = document.getElementById(`map-${image.index}-${model}`);
  return block ? `data:image/png;base64,${block.textContent}` : null;
}

/** @param {PageData} data */
export function hasMaps(data) {
  return data.models.some((model) => model.mapKind !== null);
}

/**
 * Add the filters to the page; returns a function that sets their opacity and threshold.
 * @param {PageData} data
 */
export function makeMapFilters(data) {
  const tables = data.models.map((model, m) => {
    const channels = [0, 1, 2].map((c) => svg(/** @type {"feFuncR"} */ (["feFuncR", "feFuncG", "feFuncB"][c]), { type: "table",
      tableValues: colourTable(model.mapRange, c).join(" ") }));
    const alpha = svg("feFuncA", { type: "discrete" });
    document.body.append(svg("svg", { width: 0, height: 0, class: "filters", "aria-hidden": "true" },
      svg("filter", { id: `map-colours-${m}`, x: 0, y: 0, width: 1, height: 1, "color-interpolation-filters": "sRGB" },
        svg("feComponentTransfer", { in: "SourceGraphic", result: "colour" }, channels),
        svg("feColorMatrix", { in: "SourceGraphic", values: "0 0 0 0 0  0 0 0 0 0  0 0 0 0 0  1 0 0 0 0" }),
        svg("feComponentTransfer", { result: "opacity" }, alpha),
        svg("feComposite", { in: "colour", in2: "opacity", operator: "in" }))));
    return { alpha, range: model.mapRange };
  });
  return (/** @type {State} */ { mapOpacity, mapThreshold }) => {
    for (const { alpha, range } of tables) alpha.setAttribute("tableValues", opacityTable(range, mapOpacity, mapThreshold).join(" "));
  };
}

/**
 * One channel of the colours, 0 to 1, for each value of a map.
 * @param {[low: number, high: number]} range
 * @param {number} channel
 */
export function colourTable([low, high], channel) {
  return Array.from({ length: LEVELS }, (_, level) => {
    const at = Math.min(1, Math.max(0, (level / (LEVELS - 1) - low) / (high - low))) * (COLOURS.length - 1);
    const before = Math.min(COLOURS.length - 2, Math.floor(at));
    const [first, second] = [COLOURS[before][channel], COLOURS[before + 1][channel]];
    return ((first + (second - first) * (at - before)) / 255).toFixed(4);
  });
}

/**
 * The opacity of each value of a map. With a threshold, values below it are clear and all others equally opaque; without
 * one, the opacity rises with the value, so that the image stays visible.
 * @param {[low: number, high: number]} range
 * @param {number} opacity
 * @param {number} threshold
 */
export function opacityTable([low, high], opacity, threshold) {
  return Array.from({ length: LEVELS }, (_, level) => {
    const value = level / (LEVELS - 1);
    if (threshold > 0) return value >= threshold ? opacity : 0;
    return (opacity * Math.min(1, Math.max(0, (value - low) / (high - low) / FAINT))).toFixed(4);
  });
}

/**
 * Sliders for the opacity and the threshold of the maps, with the threshold of a run whose predictions come from its map.
 * @param {PageData} data
 * @param {Store} store
 * @param {string} prefix
 * @returns {Control}
 */
export function mapControls(data, store, prefix = "") {
  const kinds = [...new Set(data.models.flatMap(({ mapKind }) => (mapKind ? [mapKind] : [])))];
  const shown = el("input", { type: "checkbox", id: `${prefix}map-shown`, "data-layer": "map", onchange: () => store.change({
    layers: shown.checked ? [...store.state.layers, "map"] : store.state.layers.filter((layer) => layer !== "map") }) });
  const opacity = slider(`${prefix}map-opacity`, text("map.opacity"), { min: 0, max: 1, step: 0.05, value: 0, onmove: (mapOpacity) => store.change({ mapOpacity }) });
  const threshold = slider(`${prefix}map-threshold`, text("map.threshold"), { min: 0, max: 1, step: 0.005, value: 0, onmove: (mapThreshold) => store.change({ mapThreshold }) });
  const value = el("output", { for: threshold.id });
  const marks = data.models.flatMap((model, m) => (model.mapThreshold === null ? [] : [button(
    `▲ ${text("map.own", { run: data.models.length > 1 ? LETTERS[m] : "", value: model.mapThreshold.toFixed(3) })}`,
    () => store.change({ mapThreshold: Number(model.mapThreshold) }), { class: "mark" })]));
  return {
    root: section(kinds.map((kind) => text(`map.${kind}`)).join(" · "),
      el("label", { class: "toggle", for: shown.id }, shown, text("map.shown")),
      el("div", { class: "row" }, el("label", { for: opacity.id }, text("map.opacity")), opacity),
      el("div", { class: "row" }, el("label", { for: threshold.id, title: text("map.threshold_hint") }, text("map.threshold")), value), threshold, marks,
      el("p", { class: "hint" }, kinds.map((kind) => text(`map.${kind}_hint`)).join(" "))),
    update() {
      const { layers, mapOpacity, mapThreshold } = store.state;
      shown.checked = layers.includes("map");
      opacity.value = String(mapOpacity);
      threshold.value = String(mapThreshold);
      value.textContent = mapThreshold ? mapThreshold.toFixed(3) : text("map.whole");
    },
  };
}
