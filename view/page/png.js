// An image as shown, with its layers, as PNG.

import { svg } from "./dom.js";
import { dataAddress } from "./download.js";
import { LETTERS, pointText } from "./format.js";
import { shownName } from "./image_name.js";
import { text } from "./language.js";
import { mapImage } from "./maps.js";
import { drawOverlay } from "./overlay.js";
import { shownRuns } from "./pair.js";
import { cropSource } from "./prepare.js";
import { shownThreshold } from "./shown_threshold.js";
import { signPath } from "./types.js";
import { caption } from "./words.js";

const SMALLEST_SIDE = 480; // pixels; a smaller image is enlarged by a whole factor, so that the words fit
const USUAL_SIDE = 1200; // of a larger image, lines and words grow with the image
const FOOT = 46; // height of the words below the image, in units

/**
 * The PNG of an image: its native pixels where the page has them, the layers, and below them its name, the thresholds and
 * the types. Throws SecurityError if the browser does not let the page read its files.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {Judged} judged
 * @param {State} state
 * @returns {Promise<Blob>}
 */
export async function imagePng(data, image, judged, state) {
  const runs = data.models.length ? shownRuns(data, state) : [null];
  const longer = Math.max(image.width, image.height);
  const scale = Math.max(1, Math.ceil(SMALLEST_SIDE / longer));
  const unit = Math.max(1, longer * scale / USUAL_SIDE);
  const panes = await Promise.all(runs.map((m) => pane(data, image, m, { judged, state, scale, unit })));
  const width = image.width * scale;
  const height = image.height * scale;
  const canvas = Object.assign(document.createElement("canvas"), { width: width * panes.length, height: height + Math.ceil(FOOT * unit) });
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  for (const [i, source] of panes.entries()) {
    const loaded = Object.assign(new Image(), { src: source });
    await loaded.decode();
    context.drawImage(loaded, i * width, 0, width, height);
  }
  writeFoot(context, data, image, judged, state, { top: height, unit });
  return new Promise((done, fail) => canvas.toBlob((blob) => (blob ? done(blob) : fail(new Error("no PNG"))), "image/png"));
}

/**
 * One run on the image, as the address of an SVG that contains everything it needs.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {number | null} model
 * @param {{judged: Judged, state: State, scale: number, unit: number}} how
 */
async function pane(data, image, model, { judged, state, scale, unit }) {
  const { width, height } = image;
  const crops = await Promise.all(image.crops.map(async ([x, y, w, h], k) => {
    const source = cropSource(image, k);
    return source && svg("image", { x, y, width: w, height: h, href: await dataAddress(source), preserveAspectRatio: "none" });
  }));
  const map = state.layers.includes("map") ? mapImage(image, model) : null;
  const source = map?.getAttribute("href");
  if (map && source) map.setAttribute("href", await dataAddress(source, "png"));
  const filter = document.getElementById(`map-colours-${model}`)?.cloneNode(true);
  const style = `${document.querySelector("style")?.textContent}
    .overlay .line { stroke-width: ${1.8 * unit}px; } .overlay .casing { stroke-width: ${3.6 * unit}px; }
    .overlay .prediction .line { stroke-dasharray: ${6 * unit} ${3.5 * unit}; } image { image-rendering: ${scale > 1 ? "pixelated" : "auto"}; }`;
  const root = svg("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width: width * scale, height: height * scale,
    class: document.documentElement.className },
    svg("style", {}, style), svg("defs", {}, filter), crops, map,
    drawOverlay(data, image, model, model === null ? null : judged[model][image.index], state, unit / scale));
  root.style.setProperty("--opacity", String(state.opacity)); // as an attribute the content security policy would refuse it
  root.style.setProperty("font-family", "system-ui, sans-serif");
  return `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(root))}`;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {PageData} data
 * @param {PageImage} image
 * @param {Judged} judged
 * @param {State} state
 * @param {{top: number, unit: number}} at
 */
function writeFoot(context, data, image, judged, state, { top, unit }) {
  const runs = data.models.length ? shownRuns(data, state) : [];
  const several = data.models.length > 1;
  const thresholds = runs.map((m) => {
    const set = state.thresholds[m];
    return `${several ? `${LETTERS[m]} ` : ""}≥ ${set === null ? pointText(data, m) : shownThreshold(data, m, set)}`;
  });
  const facts = [data.dataset, image.split && text("fact.split", { split: image.split }), shownName(image)].filter(Boolean);
  context.fillStyle = "#1c2126";
  context.font = `${13 * unit}px system-ui, sans-serif`;
  context.fillText([...facts, ...thresholds, caption(data, image, judged, state).words].join(" · "), 6 * unit, top + 18 * unit, context.canvas.width - 12 * unit);
  let x = 6 * unit;
  const shown = new Set([...image.shapes, ...runs.flatMap((m) => image.runs[m].predictions.slice(0, judged[m][image.index].count))].map(({ type }) => type));
  for (const type of [...shown].sort((a, b) => a - b)) {
    const { name, colour } = data.types[type];
    context.save();
    context.translate(x + 6 * unit, top + 33 * unit);
    context.scale(unit, unit);
    context.fillStyle = colour;
    context.fill(new Path2D(signPath(type)));
    context.restore();
    context.fillText(name, x + 16 * unit, top + 38 * unit);
    x += context.measureText(name).width + 34 * unit;
  }
}
