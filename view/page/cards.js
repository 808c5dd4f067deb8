// Parts of the cards in the second tab.

import { button, el } from "./dom.js";
import { LETTERS } from "./format.js";
import { text } from "./language.js";
import { MEASURED, measuredImages } from "./measured_on.js";

/** @type {Partial<State>} */
const NO_FILTER = { show: [], types: [], sizes: [], text: "", cell: null, tab: "images" };

/**
 * @param {string} title
 * @param {string} hint
 * @param {Children[]} children
 */
export function card(title, hint, ...children) {
  return el("figure", { class: "card" }, el("figcaption", {}, el("strong", {}, title), hint && el("span", { class: "hint" }, ` ${hint}`)), ...children);
}

/**
 * @param {PageData} data
 * @param {Store} store
 */
export function runSuffix(data, store) {
  return data.models.length > 1 ? ` · ${text("run.letter", { letter: LETTERS[store.state.focus] })}` : "";
}

/**
 * The count of a tally as a button that shows its images.
 * @param {Store} store
 * @param {Tally} tally
 * @param {Cell} cell
 */
export function link(store, { count: number }, cell) {
  if (!number) return el("span", { class: "zero" }, "0");
  const on = JSON.stringify(store.state.cell) === JSON.stringify(cell);
  return button(String(number), () => store.change({ cell: on ? null : cell, tab: "images" }),
    { "aria-pressed": String(on), title: text("show_images"), "data-cell": cell.join() });
}

/**
 * A share or a mean as a button that shows the images it is computed from.
 * @param {Store} store
 * @param {string} words
 * @param {Cell} cell
 */
export function shareLink(store, words, cell) {
  if (!/\d/.test(words)) return words;
  const on = JSON.stringify(store.state.cell) === JSON.stringify(cell);
  return button(words, () => store.change({ cell: on ? null : cell, tab: "images" }), { "aria-pressed": String(on), title: text("show_images"), "data-cell": cell.join() });
}

/**
 * A measured value as a button that shows the images it was measured on; words if they are not all in the page.
 * @param {PageData} data
 * @param {Store} store
 * @param {number} model
 * @param {string} words
 */
export function measuredLink(data, store, model, words) {
  return figureLink(store, words, measuredImages(data, model) && { patch: MEASURED, title: "show_measured" });
}

/**
 * A figure of metrics.json as a button that shows its images; words if there is nothing to show.
 * @param {Store} store
 * @param {string} words
 * @param {import("./measured_choice.js").Shown | null} shown
 */
export function figureLink(store, words, shown) {
  if (!shown || !/\d/.test(words)) return words;
  return button(words, () => store.change({ ...NO_FILTER, ...shown.patch }), { class: "quiet", title: text(shown.title) });
}

/**
 * A name that may break into lines after its underscores and hyphens.
 * @param {string} name
 */
export function breakable(name) {
  return name.split(/(?<=[_-])/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]));
}
