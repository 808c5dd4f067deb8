// Curves: misses against false alarms, precision against recall per type.

import { el, svg } from "./dom.js";
import { LETTERS, fixed, pointWords, score } from "./format.js";
import { dash, signIcon, signPath } from "./types.js";

const WIDTH = 420;
const HEIGHT = 300;
const LEFT = 46;
const BOTTOM = 42;
const TOP = 12;
const RIGHT_EDGE = 14;

/** Axes with a scale: `x` and `y` are {max, ticks, label}; at(x, y) gives the place in the drawing. */
function axes(x, y) {
  const width = WIDTH - LEFT - RIGHT_EDGE;
  const height = HEIGHT - TOP - BOTTOM;
  const at = (vx, vy) => [LEFT + (width * vx) / (x.max || 1), TOP + height - (height * vy) / (y.max || 1)];
  const root = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "chart", role: "img" });
  for (const tick of y.ticks) {
    const [, py] = at(0, tick);
    root.append(svg("path", { class: "gridline", d: `M${LEFT} ${py}h${width}` }),
      svg("text", { x: LEFT - 8, y: py + 4, "text-anchor": "end" }, tick));
  }
  for (const tick of x.ticks) {
    const [px] = at(tick, 0);
    root.append(svg("path", { class: "gridline", d: `M${px} ${TOP}v${height}` }),
      svg("text", { x: px, y: TOP + height + 17, "text-anchor": "middle" }, tick));
  }
  root.append(
    svg("text", { class: "axis", x: LEFT + width / 2, y: HEIGHT - 6, "text-anchor": "middle" }, x.label),
    svg("text", { class: "axis", transform: `translate(13 ${TOP + height / 2}) rotate(-90)`, "text-anchor": "middle" }, y.label));
  return { root, at };
}

/** At most six round numbers from 0 to `max`, in whole steps. */
function wholeTicks(max) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((s) => max / s <= 5) ?? 10000;
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => i * step);
}

/**
 * Misses against false alarms; `curves` has points and operating counts per run, `ontake(model, threshold)` is called for
 * a point that is clicked.
 */
export function missAlarmChart(data, curves, totals, ontake) {
  const [{ defective, good }] = totals;
  const { root, at } = axes(
    { max: good, ticks: wholeTicks(good), label: `false alarms among ${good} good images` },
    { max: defective, ticks: wholeTicks(defective), label: `missed of ${defective} defective images` });
  root.setAttribute("aria-label", "Misses against false alarms");
  curves.forEach(({ points }, m) => {
    const places = distinct(points);
    const ends = [...places, { missed: defective, alarms: 0 }];
    const path = ends.map((p, i) => `${i ? "L" : "M"}${at(p.alarms, p.missed).join(" ")}`).join("");
    root.append(svg("path", { class: `curve run-${m}`, d: path }));
    for (const p of thinned(places)) {
      const [cx, cy] = at(p.alarms, p.missed);
      root.append(svg("circle", { class: `dot run-${m}`, cx, cy, r: 6, onclick: () => ontake(m, p.threshold) },
        svg("title", {}, `confidence ${score(p.threshold)}: ${p.missed} missed, ${p.alarms} false alarms`)));
    }
  });
  data.models.forEach((model, m) => {
    const p = curves[m].operating;
    if (p) {
      root.append(svg("path", { class: `operating run-${m}`, d: "M0-8L7 5H-7z", transform: `translate(${at(p.alarms, p.missed).join(" ")})` },
        svg("title", {}, `operating point ${pointWords(model)}`)));
    }
    const [cx, cy] = at(totals[m].alarms, totals[m].missed);
    root.append(svg("circle", { class: `now run-${m}`, cx, cy, r: 5 }));
  });
  return root;
}

// The last point of each place, for several scores may lead to the same counts.
function distinct(points) {
  return points.filter((p, i) => p.alarms !== points[i + 1]?.alarms || p.missed !== points[i + 1]?.missed);
}

function thinned(points) {
  const step = Math.ceil(points.length / 120);
  return points.filter((_, i) => i % step === 0);
}

/**
 * Precision against recall of one type: a function that draws it with the present {precision, recall} of each run.
 * `runs` has {precision, recall, ap, truths} per run; their curves stay while the confidence moves.
 */
export function precisionRecallChart(data, type, runs) {
  const ticks = [0, 0.2, 0.4, 0.6, 0.8, 1];
  const { root, at } = axes({ max: 1, ticks, label: "recall" }, { max: 1, ticks, label: "precision" });
  const { colour, name } = data.types[type];
  root.setAttribute("aria-label", `Precision against recall of ${name}`);
  runs.forEach(({ precision, recall }, m) => {
    const path = curvePath(precision, recall, at);
    if (path) root.append(svg("path", { class: `curve run-${m}`, d: path, stroke: colour, "stroke-dasharray": runs.length > 1 ? "" : dash(type) }));
  });
  const present = svg("g");
  root.append(present);
  const aps = runs.map(({ ap }, m) => `${runs.length > 1 ? `${LETTERS[m]} ` : ""}AP ${fixed(ap, 3)}`).join(" · ");
  const figure = el("figure", { class: "card" },
    el("figcaption", {}, signIcon(data, type), el("strong", {}, name), el("span", { class: "hint" }, ` ${aps}, ${runs[0].truths} annotations`)), root);
  return (now) => {
    present.replaceChildren(...now.flatMap(({ precision, recall }, m) => (precision === null || recall === null ? [] : [
      svg("path", { class: `now run-${m}`, d: signPath(type), transform: `translate(${at(recall, precision).join(" ")}) scale(1.4)`, fill: colour })])));
    return figure;
  };
}

// Between two recalls precision only falls, so the first and last point of each recall draw the same line.
function curvePath(precision, recall, at) {
  let path = "";
  for (let i = 0; i < recall.length; i++) {
    if (i > 0 && i < recall.length - 1 && recall[i] === recall[i - 1] && recall[i] === recall[i + 1]) continue;
    path += `${path ? "L" : "M"}${at(recall[i], precision[i]).map((v) => v.toFixed(1)).join(" ")}`;
  }
  return path;
}
