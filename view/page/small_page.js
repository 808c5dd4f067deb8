// The selection as a small page of its own: only the chosen images and their data, in one file.

import { dataAddress } from "./download.js";
import { byId } from "./dom.js";
import { cropSource } from "./prepare.js";
import { SKELETON } from "./skeleton.js";
import { writeAddress } from "./state.js";

/** @type {Partial<State>} settings that choose images; the new page shows all of its own */
const EVERY_IMAGE = { tab: "images", show: [], types: [], sizes: [], text: "", cell: null, image: null };

/** @type {Record<string, string>} so that no text ends a script element, as in view/page.py */
const ESCAPES = { "<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029" };

/**
 * The text of the page. It opens with the current thresholds and layers and has the notes of its images; the paths of the
 * dataset and of the runs are left out, because they are those of this machine. Throws SecurityError if the browser does
 * not let the page read its images.
 * @param {PageData} data
 * @param {State} state
 * @param {State} initial
 * @param {PageImage[]} chosen
 */
export async function smallPage(data, state, initial, chosen) {
  const images = [...chosen].sort((a, b) => a.index - b.index);
  /** @type {RawData} */
  const raw = JSON.parse(byId("data").textContent ?? "");
  const notes = Object.fromEntries(images.filter(({ name }) => state.notes[name]).map(({ name }) => [name, state.notes[name]]));
  const small = { ...raw, folder: "", correct: "", differences: [], notes, selected: data.selected || data.images.length,
    address: writeAddress({ ...state, ...EVERY_IMAGE, notes: {} }, { ...initial, notes: {}, layers: [] }),
    models: raw.models.map((model) => ({ ...model, run: "", propose: [] })),
    images: images.map(({ index, crops, maps }) => ({ ...raw.images[index],
      crops: crops.map(([x, y, width, height]) => [x, y, width, height, null]), maps: maps.map((source) => (source ? true : null)) })) };
  const blocks = await Promise.all(images.map((image, i) => imageBlocks(image, i)));
  const page = /** @type {HTMLElement} */ (SKELETON.cloneNode(true));
  page.lang = "en"; // the script sets that of the reader
  const block = /** @type {HTMLElement} */ (page.querySelector("#data"));
  block.textContent = JSON.stringify(small).replace(/[<>&\u2028\u2029]/g, (character) => ESCAPES[character]);
  const policy = page.querySelector('meta[content^="default-src"]');
  policy?.setAttribute("content", (policy.getAttribute("content") ?? "").replace(/img-src [^;]*/, "img-src data:"));
  page.querySelector("body")?.append(...blocks.flat());
  return `<!doctype html>\n${page.outerHTML}\n`;
}

/**
 * The script elements with the pixels of an image, which is the i-th of its page.
 * @param {PageImage} image
 * @param {number} i
 */
function imageBlocks(image, i) {
  const crops = image.crops.map((_, k) => ({ id: `crop-${i}-${k}`, source: cropSource(image, k), kind: "webp" }));
  const maps = image.maps.flatMap((source, m) => (source
    ? [{ id: `map-${i}-${m}`, source: source === true ? `data:image/png;base64,${byId(`map-${image.index}-${m}`).textContent}` : source, kind: "png" }] : []));
  return Promise.all([...crops, ...maps].map(async ({ id, source, kind }) => {
    const address = await dataAddress(source ?? "", kind);
    return Object.assign(document.createElement("script"), { type: "text/plain", id, textContent: address.slice(address.indexOf(",") + 1) });
  }));
}
