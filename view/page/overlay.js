// Truth and predictions over an image: truth solid, predictions dashed, types by colour, hatching and sign.

import { svg } from "./dom.js";
import { ghostsOf } from "./ghosts.js";
import { text } from "./language.js";
import { hatchPattern, signPath } from "./types.js";
import { FOUND_TWICE, IGNORED, MISSED, NOTHING_THERE, POORLY_LOCATED, RIGHT, WRONG_TYPE } from "./judge.js";
import { maskPath } from "./prepare.js";

/** @type {Record<Verdict, string>} */
const MARKS = { [RIGHT]: "✓", [WRONG_TYPE]: "≠", [POORLY_LOCATED]: "↔", [FOUND_TWICE]: "2×", [NOTHING_THERE]: "✗", [MISSED]: "", [IGNORED]: "○" };
let serial = 0;

/**
 * @typedef {{root: SVGElement, line: number, left: number, width: number}} Label
 * @typedef {{prefix: string, unit: number, selected: Selected | null, labels: Label[]}} Drawing
 */

/**
 * The overlay of an image as an SVG group in pixels of the image. Without a model and its judgement only the truth is
 * drawn. `unit` is the size of one screen pixel in pixels of the image; `selected` is highlighted.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {number | null} model
 * @param {Judgement | null} judgement
 * @param {State} state
 * @param {number} unit
 * @param {Selected | null} selected
 */
export function drawOverlay(data, image, model, judgement, state, unit, selected = null) {
  const drawing = { prefix: `hatch-${serial++}`, unit, selected, labels: [] };
  const shown = (/** @type {Item} */ item) => !state.hidden.includes(item.type);
  const judgedOf = (/** @type {number} */ t) => (image.shapes === image.truths ? t : 0); // one judgement of the whole image
  const truths = image.shapes.map((truth, t) => shown(truth)
    && drawItem(data, image, truth, { kind: "truth", index: t }, truthLabel(judgement, judgedOf(t)), drawing));
  const regions = (image.ignored ?? []).map((region) => shown(region)
    && drawItem(data, image, region, { kind: "truth", index: -1 }, text("ignore_region"), drawing));
  const counting = model === null || !judgement ? [] : image.runs[model].predictions.slice(0, judgement.count);
  const predictions = counting.map((prediction, p) => shown(prediction)
    && drawItem(data, image, prediction, { kind: "prediction", index: p }, predictionLabel(data, prediction, judgement, p), drawing));
  const below = ghostsOf(image, model, judgement, state);
  const ghosts = below.map((prediction) => shown(prediction)
    && drawItem(data, image, prediction, { kind: "ghost", index: -1 }, prediction.score.toFixed(3), drawing));
  const types = new Set([...image.shapes, ...(image.ignored ?? []), ...below, ...counting].filter(shown).map((item) => item.type));
  const patterns = [...types].map((type) => hatchPattern(data, type, `${drawing.prefix}-${type}`, unit));
  const labels = /** @type {Label[]} */ (drawing.labels);
  return svg("g", { class: "overlay" }, svg("defs", {}, patterns), regions, ghosts.reverse(), truths, predictions.reverse(), labels.map((label) => label.root));
}

/**
 * The label of a truth, null for no label; without a run only a sign.
 * @param {Judgement | null} judgement
 * @param {number} t
 */
function truthLabel(judgement, t) {
  if (!judgement) return "";
  return judgement.truthVerdicts[t] === MISSED ? text("label.missed") : null;
}

/**
 * The score and the verdict. Runs judged by images have none on a defective image: their places are not compared.
 * @param {PageData} data
 * @param {Prediction} prediction
 * @param {Judgement | null} judgement
 * @param {number} p
 */
function predictionLabel(data, prediction, judgement, p) {
  const score = prediction.score.toFixed(2);
  if (!data.hasTruth || !judgement) return score;
  const verdict = judgement.predictionVerdicts[p];
  return data.judging === "images" && verdict === RIGHT ? score : `${score} ${MARKS[verdict]}`;
}

/**
 * @param {PageData} data
 * @param {PageImage} image
 * @param {Item} item
 * @param {Selected} which
 * @param {string | null} label
 * @param {Drawing} drawing
 */
function drawItem(data, image, item, { kind, index }, label, { prefix, unit, selected, labels }) {
  const { colour } = data.types[item.type];
  const [x, y, width, height] = item.box;
  const path = maskPath(image, item, unit);
  const chosen = selected && selected.kind === kind && selected.index === index;
  const group = svg("g", { class: `item ${kind}${chosen ? " chosen" : ""}`, "data-index": index });
  if (path) {
    group.append(
      svg("path", { class: "mask", d: path, fill: `url(#${prefix}-${item.type})`, "fill-rule": "evenodd" }),
      svg("path", { class: "casing outline", d: path }),
      svg("path", { class: "line outline", d: path, stroke: colour }));
  }
  const box = { x, y, width, height };
  const only = path ? "" : " only"; // without a mask the box also serves as the outline
  group.append(
    svg("rect", { class: `casing box${only}`, ...box }),
    svg("rect", { class: `line box${only}`, ...box, stroke: colour }));
  if (label !== null) labels.push(drawLabel(kind, item, path, colour, label, unit, image, labels));
  return group;
}

/**
 * A label. Labels are drawn above everything else and do not overlap. A label starts at the topmost pixel of the mask,
 * where the path of the mask starts, or at the corner of the box.
 * @param {Selected["kind"]} kind
 * @param {Item} item
 * @param {string | null} path
 * @param {string} colour
 * @param {string} words
 * @param {number} unit
 * @param {PageImage} image
 * @param {Label[]} labels
 * @returns {Label}
 */
function drawLabel(kind, { type, box: [corner, y, , height] }, path, colour, words, unit, image, labels) {
  const x = path ? parseInt(path.slice(1), 10) : corner;
  const size = 12 * unit;
  const above = y - 5 * unit;
  const width = (17 + textWidth(words)) * unit;
  const left = Math.max(2 * unit, Math.min(x, image.width - width));
  let line = above > size ? above : Math.min(y + height + size, image.height - 3 * unit);
  const taken = (/** @type {Label} */ other) =>
    Math.abs(other.line - line) < size && other.left < left + width && left < other.left + other.width;
  while (labels.some(taken) && line + size < image.height - 3 * unit) line += size;
  const root = svg("g", { class: `label ${kind}-label` },
    svg("path", { d: signPath(type), fill: colour, "stroke-width": 2.5,
      transform: `translate(${left + 6 * unit} ${line - 4 * unit}) scale(${unit})` }),
    svg("text", { x: left + 14 * unit, y: line, "font-size": size, "stroke-width": 3 * unit }, words));
  return { root, line, left, width };
}

/** @type {Map<string, number>} */
const widths = new Map();
/** @type {CanvasRenderingContext2D | null} */
let ruler = null;

/**
 * The width of the text of a label, in pixels of the screen.
 * @param {string} words
 */
function textWidth(words) {
  if (!ruler) {
    ruler = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    ruler.font = `600 12px ${getComputedStyle(document.body).fontFamily}`;
  }
  const known = widths.get(words) ?? ruler.measureText(words).width;
  widths.set(words, known);
  return known;
}
