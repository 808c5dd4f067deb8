// Images missed against false alarms: the whole curve, or the corner with few of both.

import { LEFT, TOP, INNER_HEIGHT, INNER_WIDTH, axes, wholeTicks } from "./axes.js";
import { svg } from "./dom.js";
import { pointText } from "./format.js";
import { text } from "./language.js";
import { makePickable } from "./pick.js";
import { shownThreshold } from "./shown_threshold.js";

const MIN_CORNER = 3;
const CORNER_SHARE = 0.1;
const LINE_HEIGHT = 18; // height of a line of text in units of the drawing

/**
 * @typedef {CurvePoint & {shown: string}} Corner
 * @typedef {{corners: Corner[], operating: {missed: number, alarms: number} | null}} MissAlarmCurve
 * @typedef {{corner: boolean, current: () => {run: number, threshold: number}, ontake: (model: number, threshold: number) => void}} Slide
 */

/**
 * Draws the curves once; the returned function moves the current points and gives the chart. `ontake` gets the run and the
 * threshold of a chosen point.
 * @param {PageData} data
 * @param {MissAlarmCurve[]} curves
 * @param {{defective: number, good: number}} of
 * @param {Slide} slide
 */
export function missAlarmChart(data, curves, { defective, good }, { corner, current, ontake }) {
  const most = (/** @type {number} */ n) => (corner ? Math.min(n, Math.max(MIN_CORNER, Math.ceil(n * CORNER_SHARE))) : n);
  const [maxX, maxY] = [most(good), most(defective)];
  const { root, at } = axes(
    { max: maxX, ticks: wholeTicks(maxX), label: text("curve.x", { n: good }) },
    { max: maxY, ticks: wholeTicks(maxY), label: text("curve.y", { n: defective }) });
  root.setAttribute("aria-label", text("curve.title"));
  root.setAttribute("id", "miss-alarm");
  const inside = (/** @type {{missed: number, alarms: number}} */ p) => p.missed <= maxY && p.alarms <= maxX;
  root.append(svg("clipPath", { id: "curve-clip" }, svg("rect", { x: LEFT - 8, y: TOP - 8, width: INNER_WIDTH + 16, height: INNER_HEIGHT + 16 })));
  /** @type {import("./pick.js").Pick[]} */
  const picks = [];
  curves.forEach(({ corners }, m) => {
    const ends = [...corners, { missed: defective, alarms: 0 }];
    const path = ends.map((p, i) => `${i ? "L" : "M"}${at(p.alarms, p.missed).map((v) => v.toFixed(1)).join(" ")}`).join("");
    root.append(svg("path", { class: `curve run-${m}`, d: path, "clip-path": "url(#curve-clip)" }));
    for (const p of corners.filter(inside)) {
      const [x, y] = at(p.alarms, p.missed);
      picks.push({ x, y, run: m, threshold: p.shown, words: () => text("curve.point", { threshold: p.shown, missed: p.missed, alarms: p.alarms }) });
    }
  });
  data.models.forEach((_, m) => {
    const p = curves[m].operating;
    if (p && inside(p)) {
      root.append(svg("path", { class: `operating run-${m}`, d: "M0-8L7 5H-7z", transform: `translate(${at(p.alarms, p.missed).join(" ")})` },
        svg("title", {}, text("operating_point", { threshold: pointText(data, m) }))));
    }
  });
  if (corner && !picks.length && !inside({ missed: defective, alarms: 0 })) {
    const words = [text("curve.empty"), text("curve.empty_why", { missed: maxY, alarms: maxX })];
    root.append(svg("text", { id: "empty-corner", "text-anchor": "middle" }, words.map((line, i) =>
      svg("tspan", { x: LEFT + INNER_WIDTH / 2, y: TOP + INNER_HEIGHT / 2 + LINE_HEIGHT * i }, line))));
    root.setAttribute("aria-label", `${text("curve.title")}: ${words.join(" ")}`);
  }
  const points = svg("g");
  root.append(points);
  const describe = makePickable(root, picks, current, (pick) => ontake(pick.run, Number(pick.threshold)));
  return (/** @type {Totals[]} */ totals) => {
    points.replaceChildren(...totals.flatMap((one, m) => {
      const [cx, cy] = at(one.alarms, one.missed);
      return inside(one) ? [svg("circle", { class: `now run-${m}`, cx, cy, r: 5 })] : [];
    }));
    describe();
    return root;
  };
}

/**
 * The last point of each position, because several scores may give the same counts.
 * @param {PageData} data
 * @param {number} model
 * @param {CurvePoint[]} points
 * @returns {Corner[]}
 */
export function distinct(data, model, points) {
  return points.filter((p, i) => p.alarms !== points[i + 1]?.alarms || p.missed !== points[i + 1]?.missed)
    .map((p) => ({ ...p, shown: shownThreshold(data, model, p.threshold) }));
}
