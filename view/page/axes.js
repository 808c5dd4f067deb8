// Axes of the charts.

import { svg } from "./dom.js";

export const WIDTH = 420;
export const HEIGHT = 300;
export const LEFT = 46;
export const TOP = 12;
const BOTTOM = 42;
const RIGHT_EDGE = 14;

/** Height of the part of a chart inside the axes. */
export const INNER_HEIGHT = HEIGHT - TOP - BOTTOM;

/** Width of the part of a chart inside the axes. */
export const INNER_WIDTH = WIDTH - LEFT - RIGHT_EDGE;

export const SHARES = [0, 0.2, 0.4, 0.6, 0.8, 1];

/**
 * @typedef {{max: number, ticks: number[], label: string}} Axis
 * @typedef {(x: number, y: number) => [number, number]} Scale
 */

/**
 * Axes, and the scale from values to positions in the drawing.
 * @param {Axis} x
 * @param {Axis} y
 */
export function axes(x, y) {
  const width = INNER_WIDTH;
  const height = INNER_HEIGHT;
  /** @type {Scale} */
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

/**
 * At most six round numbers from 0 to `max`.
 * @param {number} max
 */
export function wholeTicks(max) {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000].find((s) => max / s <= 5) ?? 10000;
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => i * step);
}

