// Numbers, counts and names as text.

import { el } from "./dom.js";

/** Names of two compared runs. */
export const LETTERS = ["A", "B"];

const NO_VALUE = "–";

/**
 * @param {number | null} part
 * @param {number} whole
 */
export function percent(part, whole) {
  return whole && part !== null ? `${((100 * part) / whole).toFixed(1)} %` : NO_VALUE;
}

/** @param {number | null | undefined} value */
export function fixed(value, digits = 2) {
  return value === null || value === undefined || Number.isNaN(value) ? NO_VALUE : value.toFixed(digits);
}

/**
 * A score threshold for display; the exact value is kept in the state.
 * @param {number | null} value
 */
export function score(value) {
  return fixed(value, 3);
}

/**
 * The operating point of a run.
 * @param {Model} model
 */
export function pointText(model) {
  return model.foldThresholds.length ? "of each fold" : score(model.threshold);
}

/**
 * @param {number} number
 * @param {string} one
 */
export function count(number, one, many = `${one}s`) {
  return `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
}

/**
 * A file name as two elements; only the folder is shortened to fit.
 * @param {string} name
 */
export function fileName(name) {
  const at = name.lastIndexOf("/") + 1;
  return [el("span", { class: "folder" }, name.slice(0, at)), el("span", { class: "file" }, name.slice(at))];
}

/**
 * A word of a command line, quoted for a POSIX shell if necessary.
 * @param {string} text
 */
export function shellWord(text) {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
