// Give the reader a file.

import { el } from "./dom.js";

/**
 * @param {string} name
 * @param {string | Blob} content
 */
export function save(name, content) {
  const blob = typeof content === "string" ? new Blob([content], { type: "application/octet-stream" }) : content;
  const href = URL.createObjectURL(blob);
  el("a", { href, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(href));
}

/**
 * The data: address of an image file. Throws SecurityError if the browser does not let the page read it, as for files
 * beside a page that was opened from disk.
 * @param {string} source
 * @param {string} kind webp, or png for a map, whose values must not change
 */
export async function dataAddress(source, kind = "webp") {
  if (source.startsWith("data:")) return source;
  const loaded = Object.assign(new Image(), { src: source });
  await loaded.decode();
  const canvas = el("canvas", { width: loaded.naturalWidth, height: loaded.naturalHeight });
  canvas.getContext("2d")?.drawImage(loaded, 0, 0);
  return canvas.toDataURL(`image/${kind}`, 0.9);
}

/**
 * The last part of a file name without its ending, for the names of saved files.
 * @param {string} name
 */
export function stem(name) {
  return name.split("/").slice(-2).join("-").replace(/\.[^.]*$/, "");
}
