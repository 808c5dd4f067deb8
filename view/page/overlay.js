// Truth and predictions drawn over an image: truth solid, predictions dashed, types by colour, hatching and sign.

import { svg } from "./dom.js";
import { hatchPattern, signPath } from "./types.js";
import { FOUND_TWICE, MISSED, NOTHING_THERE, POORLY_LOCATED, RIGHT, WRONG_TYPE } from "./judge.js";
import { maskPath } from "./prepare.js";

const MARKS = { [RIGHT]: "✓", [WRONG_TYPE]: "≠", [POORLY_LOCATED]: "↔", [FOUND_TWICE]: "2×", [NOTHING_THERE]: "✗" };
let serial = 0;

/**
 * The overlay of an image as an SVG group in pixels of the image. `model` is null for truth only, `unit` is the size
 * of one screen pixel in pixels of the image, `selected` a drawn thing to stress, {kind, index} or null.
 */
export function drawOverlay(data, image, model, judged, state, unit, selected = null) {
  const prefix = `hatch-${serial++}`;
  const types = new Set();
  const labels = [];
  const shown = (item) => !state.hidden.includes(item.type) && types.add(item.type);
  const truths = image.truths.map((truth, t) => shown(truth)
    && drawItem(data, image, truth, "truth", t, truthLabel(judged, t), { prefix, unit, selected, labels }));
  const found = model === null ? [] : image.runs[model].predictions.slice(0, judged.count).map((p, i) => shown(p)
    && drawItem(data, image, p, "prediction", i, predictionLabel(data, p, judged, i), { prefix, unit, selected, labels }));
  const patterns = [...types].map((type) => hatchPattern(data, type, `${prefix}-${type}`, unit));
  const texts = labels.map((label) => label.root);
  return svg("g", { class: "overlay" }, svg("defs", {}, patterns), truths, found.reverse(), texts);
}

function truthLabel(judged, t) {
  if (!judged) return "";
  return judged.truthVerdicts[t] === MISSED ? "not found" : null;
}

function predictionLabel(data, prediction, judged, i) {
  return !data.hasTruth ? prediction.score.toFixed(2) : `${prediction.score.toFixed(2)} ${MARKS[judged.predictionVerdicts[i]] ?? ""}`;
}

function drawItem(data, image, item, kind, index, label, { prefix, unit, selected, labels }) {
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
  const only = path ? "" : " only"; // the box of a thing without mask stands for its outline as well
  group.append(
    svg("rect", { class: `casing box${only}`, ...box }),
    svg("rect", { class: `line box${only}`, ...box, stroke: colour }));
  if (label !== null) labels.push(drawLabel(kind, item, path, colour, label, unit, image, labels));
  return group;
}

// Labels lie over everything else and not over each other. One stands at the topmost pixel of the mask, which is where
// its path starts, or at the corner of the box.
function drawLabel(kind, { type, box: [corner, y, , height] }, path, colour, text, unit, image, labels) {
  const x = path ? parseInt(path.slice(1), 10) : corner;
  const size = 12 * unit;
  const above = y - 5 * unit;
  const room = (18 + 7 * text.length) * unit;
  const left = Math.max(2 * unit, Math.min(x, image.width - room));
  let line = above > size ? above : Math.min(y + height + size, image.height - 3 * unit);
  const taken = (other) => Math.abs(other.line - line) < size && other.left < left + room && left < other.left + other.room;
  while (labels.some(taken) && line < image.height - size) line += size;
  const root = svg("g", { class: `label ${kind}-label` },
    svg("path", { d: signPath(type), fill: colour, "stroke-width": 2.5,
      transform: `translate(${left + 6 * unit} ${line - 4 * unit}) scale(${unit})` }),
    svg("text", { x: left + 14 * unit, y: line, "font-size": size, "stroke-width": 3 * unit }, text));
  return { root, line, left, room };
}
