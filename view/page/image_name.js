// The name of an image as the page shows it: the file name, and a badge for the split.

import { el } from "./dom.js";
import { text } from "./language.js";

const SPLITS = ["train", "val", "test"];

/**
 * The file name without a leading folder that names another split than that of the image. Such a folder is the one of
 * the source, from before the images were split again; in a page of test images, train/good/006.png looks like a leak.
 * @param {PageImage} image
 */
export function shownName({ name, split }) {
  const at = name.indexOf("/");
  const first = name.slice(0, Math.max(0, at));
  return split && first !== split && SPLITS.includes(first) ? name.slice(at + 1) : name;
}

/**
 * A badge for the split of an image, null for new images.
 * @param {PageImage} image
 */
export function splitBadge({ name, split }) {
  return split ? el("span", { class: "split", title: text("split.badge", { split, name }) }, split) : null;
}

/**
 * The shown name as two elements; only the folder is shortened to fit.
 * @param {PageImage} image
 */
export function fileName(image) {
  const name = shownName(image);
  const at = name.lastIndexOf("/") + 1;
  return [el("span", { class: "folder" }, name.slice(0, at)), el("span", { class: "file" }, name.slice(at))];
}
