// Numbers, counts and names as text.

import { text } from "./language.js";
import { shownThreshold } from "./shown_threshold.js";

/** Names of compared runs. */
export const LETTERS = [..."ABCDEFGHIJKLMNOPQRSTUVWXYZ"];

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
 * The operating point of a run.
 * @param {PageData} data
 * @param {number} m
 */
export function pointText(data, m) {
  const { foldThresholds, threshold } = data.models[m];
  if (foldThresholds.length) return text("point.folds");
  return threshold === null ? NO_VALUE : shownThreshold(data, m, threshold);
}

/**
 * A word of a command line, quoted for a POSIX shell if necessary.
 * @param {string} word
 */
export function shellWord(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
