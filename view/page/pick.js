// Charts in which a click or an arrow key chooses the nearest point.

import { svg } from "./dom.js";

/**
 * A point of a chart: its position in the drawing, the run and the threshold that it chooses, and its description.
 * @typedef {{x: number, y: number, run: number, threshold: string, words: () => string}} Pick
 */

/**
 * Let the reader choose a point: by a click near it, or by the arrow keys along the points of the run that `current` gives.
 * @param {SVGElement} root
 * @param {Pick[]} picks in rising order of the threshold
 * @param {() => {run: number, threshold: number}} current
 * @param {(pick: Pick) => void} onpick
 * @returns {() => void} a function to call when the threshold has changed
 */
export function makePickable(root, picks, current, onpick) {
  if (!picks.length) return () => {};
  const mark = svg("circle", { class: "nearest", r: 6 });
  const title = svg("title");
  root.append(title, mark);
  for (const [name, value] of Object.entries({ role: "slider", tabindex: "0", "aria-valuemin": "0", "aria-valuemax": "1" })) root.setAttribute(name, value);

  /** @param {Pick} pick */
  function show(pick) {
    mark.setAttribute("transform", `translate(${pick.x} ${pick.y})`);
    mark.classList.toggle("on", true);
    title.textContent = pick.words();
  }

  /** @type {Map<number, {own: Pick[], thresholds: number[]}>} */
  const ofRuns = new Map();

  /** The point of the current threshold. */
  function now() {
    const { run, threshold } = current();
    if (!ofRuns.has(run)) {
      const own = picks.filter((pick) => pick.run === run);
      ofRuns.set(run, { own, thresholds: own.map((pick) => Number(pick.threshold)) });
    }
    const { own, thresholds } = /** @type {{own: Pick[], thresholds: number[]}} */ (ofRuns.get(run));
    return { own, at: thresholds.findLastIndex((one) => one <= threshold) };
  }

  function describe() {
    const { own, at } = now();
    const { threshold } = current();
    root.setAttribute("aria-valuenow", String(threshold));
    root.setAttribute("aria-valuetext", own[at]?.words() ?? String(threshold));
  }

  root.addEventListener("pointermove", (event) => show(nearest(root, picks, event)));
  root.addEventListener("pointerleave", () => mark.classList.toggle("on", false));
  root.addEventListener("click", (event) => onpick(nearest(root, picks, event)));
  root.addEventListener("keydown", (event) => {
    const by = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    const { own, at } = now();
    const next = own[Math.min(own.length - 1, Math.max(0, at + by))];
    if (next) onpick(next);
  });
  describe();
  return describe;
}

/**
 * @param {SVGElement} root
 * @param {Pick[]} picks
 * @param {MouseEvent} event
 */
export function nearest(root, picks, event) {
  const { left, top, width, height } = root.getBoundingClientRect();
  const [, , wide, high] = (root.getAttribute("viewBox") ?? "").split(" ").map(Number);
  const x = ((event.clientX - left) / width) * wide;
  const y = ((event.clientY - top) / height) * high;
  return nearestPick(picks, x, y);
}

/**
 * @param {Pick[]} picks
 * @param {number} x
 * @param {number} y
 */
export function nearestPick(picks, x, y) {
  const distance = (/** @type {Pick} */ pick) => Math.hypot(pick.x - x, pick.y - y);
  return picks.reduce((best, pick) => (distance(pick) < distance(best) ? pick : best));
}
