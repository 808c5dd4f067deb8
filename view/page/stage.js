// The enlarged image: zoom to native pixels and beyond, pan with mouse, finger or keys.

import { svg } from "./dom.js";
import { cropSource } from "./prepare.js";

const MAX_ZOOM = 32;

/**
 * A zoomable image. `overlay(unit)` draws what is above it, `onview` is called after every move; `map` is between both.
 * @param {PageImage} image
 * @param {(unit: number) => SVGElement} overlay
 * @param {(stage: Stage) => void} onview
 * @param {SVGElement | null} map
 * @returns {Stage}
 */
export function makeStage(image, overlay, onview, map = null) {
  const crops = svg("g", { class: "crops" });
  const over = svg("g");
  const world = svg("g", {}, crops, map, over);
  const root = svg("svg", { class: "stage", role: "img", "aria-label": image.name }, world);
  const view = { zoom: 0, x: 0, y: 0 };
  const stage = { root, view, place, fit, native, zoomBy, moveBy, redraw, addCrops };
  let drawnAt = 0;

  function addCrops() {
    const elements = image.crops.map(([x, y, width, height], k) => {
      const href = cropSource(image, k);
      return href && svg("image", { x, y, width, height, href, preserveAspectRatio: "none" });
    });
    crops.replaceChildren(...elements.filter((element) => element !== null));
  }

  function size() {
    return { width: root.clientWidth || 1, height: root.clientHeight || 1 };
  }

  function fitZoom() {
    const { width, height } = size();
    return Math.min(width / image.width, height / image.height);
  }

  /** The zoom at which one pixel of the image is one pixel of the screen. */
  function nativeZoom() {
    return 1 / (window.devicePixelRatio || 1);
  }

  /** @param {number} zoom */
  function within(zoom) {
    return Math.min(MAX_ZOOM, Math.max(Math.min(fitZoom() * 0.5, nativeZoom()), zoom));
  }

  /** @param {Partial<View>} next */
  function place(next, notify = true) {
    Object.assign(view, next);
    view.zoom = within(view.zoom);
    world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.zoom})`);
    root.classList.toggle("pixelated", view.zoom >= 2);
    if (Math.abs(view.zoom / drawnAt - 1) > 0.02) redraw();
    if (notify) onview(stage);
  }

  function redraw() {
    drawnAt = view.zoom;
    over.replaceChildren(overlay(1 / view.zoom));
  }

  function fit(notify = true) {
    const { width, height } = size();
    const zoom = fitZoom();
    place({ zoom, x: (width - image.width * zoom) / 2, y: (height - image.height * zoom) / 2 }, notify);
  }

  /** @param {number} factor */
  function zoomBy(factor, at = { x: size().width / 2, y: size().height / 2 }) {
    const zoom = within(view.zoom * factor);
    const scale = zoom / view.zoom;
    place({ zoom, x: at.x - (at.x - view.x) * scale, y: at.y - (at.y - view.y) * scale });
  }

  /**
   * Show native pixels around a point of the image, or around the middle of the view.
   * @param {{x: number, y: number} | null} about
   */
  function native(about = null) {
    const { width, height } = size();
    const zoom = nativeZoom();
    const centre = about ?? { x: (width / 2 - view.x) / view.zoom, y: (height / 2 - view.y) / view.zoom };
    place({ zoom, x: width / 2 - centre.x * zoom, y: height / 2 - centre.y * zoom });
  }

  /**
   * @param {number} x
   * @param {number} y
   */
  function moveBy(x, y) {
    place({ x: view.x + x, y: view.y + y });
  }

  addCrops();
  listenToPointers(stage);
  return stage;
}

/** @param {Stage} stage */
function listenToPointers({ root, zoomBy, moveBy }) {
  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();
  const at = (/** @type {MouseEvent} */ event) => {
    const { left, top } = root.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  };
  root.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(Math.exp(-event.deltaY * (event.ctrlKey ? 0.01 : 0.0016)), at(event));
  }, { passive: false });
  root.addEventListener("pointerdown", (event) => {
    root.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, at(event));
  });
  root.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = at(event);
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) {
      zoomBy(Math.hypot(now.x - other.x, now.y - other.y) / (Math.hypot(before.x - other.x, before.y - other.y) || 1), other);
    } else moveBy(now.x - before.x, now.y - before.y);
    fingers.set(event.pointerId, now);
  });
  root.addEventListener("pointerup", (event) => { fingers.delete(event.pointerId); });
  root.addEventListener("pointercancel", (event) => { fingers.delete(event.pointerId); });
  root.addEventListener("dblclick", (event) => zoomBy(event.shiftKey ? 0.5 : 2, at(event)));
}
