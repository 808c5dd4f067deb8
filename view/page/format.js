// Numbers, counts and names in words.

import { el } from "./dom.js";

/** What two runs are called side by side. */
export const LETTERS = ["A", "B"];

export function percent(part, whole) {
  return whole && part !== null ? `${((100 * part) / whole).toFixed(1)} %` : "–";
}

export function fixed(value, digits = 2) {
  return value === null || value === undefined || Number.isNaN(value) ? "–" : value.toFixed(digits);
}

/** A threshold as people read it; the exact value is kept elsewhere. */
export function score(value) {
  return value.toFixed(3);
}

/** The operating point of a run. */
export function pointWords(model) {
  return model.foldThresholds.length ? "of each fold" : score(model.threshold);
}

export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/** A file name as elements of which only the folder is cut short where there is no room. */
export function fileName(name) {
  const at = name.lastIndexOf("/") + 1;
  return [el("span", { class: "folder" }, name.slice(0, at)), el("span", { class: "file" }, name.slice(at))];
}

/** A word of a command line, quoted for a POSIX shell where it needs to be. */
export function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
