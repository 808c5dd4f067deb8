// The legend: colours, hatchings and signs of the types, lines, and marks of predictions.

import { el, section } from "./dom.js";
import { text } from "./language.js";
import { signIcon, swatch } from "./types.js";

/**
 * `prefix` makes the ids of the hatchings unique, if there is more than one legend.
 * @param {PageData} data
 * @returns {Control}
 */
export function legend(data, prefix = "") {
  const sample = (/** @type {boolean} */ dashed) => el("span", { class: `sample ${dashed ? "dashed" : ""}` });
  return {
    root: section(text("legend"),
      el("ul", { class: "legend" },
        data.types.map((type, i) => el("li", {}, swatch(data, i, prefix), signIcon(data, i), type.name)),
        data.hasTruth ? el("li", {}, sample(false), text("legend.truth")) : "",
        data.models.length ? el("li", {}, sample(true), text("legend.prediction")) : "",
        data.models.length && data.hasTruth ? el("li", { class: "hint" }, text("legend.marks")) : "")),
    update() {},
  };
}
