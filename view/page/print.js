// Print: a cover with the figures and the run cards, then the shown images with their overlays.

import { byId, el, note, svg } from "./dom.js";
import { LETTERS } from "./format.js";
import { fileName, splitBadge } from "./image_name.js";
import { text } from "./language.js";
import { drawOverlay } from "./overlay.js";
import { shownRuns } from "./pair.js";
import { cropSource } from "./prepare.js";
import { runCards } from "./run_card.js";
import { caption } from "./words.js";

const MAX_PRINTED = 300;
const PRINTED_WIDTH = 300; // CSS pixels of an image on paper, for the width of lines and labels

/**
 * Fill the part of the page that only print shows.
 * @param {PageData} data
 * @param {State} state
 * @param {{chosen: PageImage[], judged: Judged}} selection
 */
export async function fillPrint(data, state, { chosen, judged }) {
  const runs = data.models.length ? shownRuns(data, state) : [null];
  const images = chosen.slice(0, MAX_PRINTED);
  const figures = images.map((image) => el("figure", { class: "printed" },
    el("div", { class: "printed-panes" }, runs.map((m) => {
      const box = { viewBox: `0 0 ${image.width} ${image.height}` };
      const href = cropSource(image, 0);
      const drawn = svg("svg", box, href && svg("image", { href, width: image.width, height: image.height, preserveAspectRatio: "none" }),
        drawOverlay(data, image, m, m === null ? null : judged[m][image.index], state, image.width / (PRINTED_WIDTH / runs.length)));
      return el("span", {}, runs.length > 1 && m !== null && el("strong", { class: "letter" }, LETTERS[m]), drawn);
    })),
    el("figcaption", {}, fileName(image), el("br"), splitBadge(image), el("strong", {}, caption(data, image, judged, state).words),
      state.notes[image.name] && el("p", { class: "printed-note" }, state.notes[image.name]))));
  const left = chosen.length - images.length;
  byId("printed").replaceChildren(
    el("div", { class: "cover" },
      runCards(data, runs.filter((m) => m !== null)),
      el("p", {}, text("print.selection", { shown: chosen.length, n: data.images.length })),
      left > 0 && el("p", {}, text("print.left", { n: left }))),
    el("div", { class: "printed-images" }, figures));
  await Promise.all(images.map(async (image) => {
    const src = cropSource(image, 0);
    if (!src) return;
    try {
      await Object.assign(new Image(), { src }).decode();
    } catch {
      note(text("print.missing", { name: image.name }));
    }
  }));
}

/**
 * @param {PageData} data
 * @param {State} state
 * @param {{chosen: PageImage[], judged: Judged}} selection
 */
export async function printSelection(data, state, selection) {
  await fillPrint(data, state, selection);
  window.print();
}
