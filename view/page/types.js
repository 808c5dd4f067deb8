// Defect types differ in colour, hatching and sign, never in colour alone.

import { svg } from "./dom.js";

// Each sign fills a 10 x 10 square around the origin.
const SIGNS = [
  "M0-4.6A4.6 4.6 0 1 1 0 4.6A4.6 4.6 0 1 1 0-4.6z",
  "M-4.2-4.2H4.2V4.2H-4.2z",
  "M0-5L5 4.2H-5z",
  "M0-5.4L5.4 0L0 5.4L-5.4 0z",
  "M-1.7-5H1.7V-1.7H5V1.7H1.7V5H-1.7V1.7H-5V-1.7H-1.7z",
  "M0-5.3L1.5-1.7L5.3-1.5L2.4 1L3.3 4.7L0 2.7L-3.3 4.7L-2.4 1L-5.3-1.5L-1.5-1.7z",
  "M-5-4.2H5L0 5z",
];

// Lines of each hatching on an 8 x 8 tile.
const HATCHES = [
  "M-2 2L2-2M0 8L8 0M6 10L10 6",
  "M-2 6L2 10M0 0L8 8M6-2L10 2",
  "M0 4H8",
  "M4 0V8",
  "M0 4H8M4 0V8",
  "M-2 2L2-2M0 8L8 0M6 10L10 6M-2 6L2 10M0 0L8 8M6-2L10 2",
  "M3.4 4A.6.6 0 1 1 4.6 4A.6.6 0 1 1 3.4 4z",
];

const DASHES = ["", "7 3", "2 3", "9 3 2 3", "12 4", "5 2 1 2 1 2", "1 2"];

/** @param {number} type */
export function signPath(type) {
  return SIGNS[type % SIGNS.length];
}

/**
 * Dash pattern of the curve of a type.
 * @param {number} type
 */
export function dash(type) {
  return DASHES[type % DASHES.length];
}

/**
 * The sign of a type as an icon for text and tables.
 * @param {PageData} data
 * @param {number} type
 */
export function signIcon(data, type) {
  const path = svg("path", { d: signPath(type), fill: data.types[type].colour, class: "sign" });
  return svg("svg", { viewBox: "-6 -6 12 12", class: "icon", "aria-hidden": "true" }, path);
}

/**
 * A sample of the masks of a type.
 * @param {PageData} data
 * @param {number} type
 */
export function swatch(data, type, prefix = "") {
  const id = `${prefix}swatch-${type}`;
  return svg("svg", { viewBox: "0 0 26 16", class: "swatch", "aria-hidden": "true" },
    svg("defs", {}, hatchPattern(data, type, id, 0.75)),
    svg("rect", { x: 0.5, y: 0.5, width: 25, height: 15, rx: 3, fill: `url(#${id})`, stroke: data.types[type].colour }));
}

/**
 * Fill pattern of a type; `unit` is the size of one screen pixel in user units.
 * @param {PageData} data
 * @param {number} type
 * @param {string} id
 * @param {number} unit
 */
export function hatchPattern(data, type, id, unit) {
  const { colour } = data.types[type];
  return svg("pattern", { id, width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: `scale(${unit})` },
    svg("rect", { width: 8, height: 8, fill: colour, "fill-opacity": 0.45 }),
    svg("path", { d: HATCHES[type % HATCHES.length], stroke: colour, "stroke-width": 1.8, fill: "none" }));
}
