// The large picture: zoom to native pixels and beyond, pan with mouse, finger or keys.

import { svg } from "./dom.js";
import { cropSource } from "./prepare.js";

const MOST_ZOOM = 32;

/** A zoomable picture of `image`; `overlay(unit)` draws what lies over it. `onview` hears of every move. */
export function makeStage(image, overlay, onview) {
  const pictures = svg("g", { class: "pictures" });
  const over = svg("g");
  const world = svg("g", {}, pictures, over);
  const root = svg("svg", { class: "stage", role: "img", "aria-label": image.name }, world);
  const view = { zoom: 0, x: 0, y: 0 };
  const stage = { root, view, place, fit, native, zoomBy, moveBy, redraw, addPictures };
  let drawnAt = 0;

  function addPictures() {
    pictures.replaceChildren(...image.crops.map(([x, y, width, height], k) => {
      const href = cropSource(image, k);
      return href && svg("image", { x, y, width, height, href, preserveAspectRatio: "none" });
    }).filter(Boolean));
  }

  function size() {
    return { width: root.clientWidth || 1, height: root.clientHeight || 1 };
  }

  function fitZoom() {
    const { width, height } = size();
    return Math.min(width / image.width, height / image.height);
  }

  /** One pixel of the image on one of the screen. */
  function nativeZoom() {
    return 1 / (window.devicePixelRatio || 1);
  }

  function within(zoom) {
    return Math.min(MOST_ZOOM, Math.max(Math.min(fitZoom() * 0.5, nativeZoom()), zoom));
  }

  function place(next, tell = true) {
    Object.assign(view, next);
    view.zoom = within(view.zoom);
    world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.zoom})`);
    root.classList.toggle("pixelated", view.zoom >= 2);
    if (Math.abs(view.zoom / drawnAt - 1) > 0.02) redraw();
    if (tell) onview(stage);
  }

  function redraw() {
    drawnAt = view.zoom;
    over.replaceChildren(overlay(1 / view.zoom));
  }

  function fit(tell = true) {
    const { width, height } = size();
    const zoom = fitZoom();
    place({ zoom, x: (width - image.width * zoom) / 2, y: (height - image.height * zoom) / 2 }, tell);
  }

  function zoomBy(factor, at = { x: size().width / 2, y: size().height / 2 }) {
    const zoom = within(view.zoom * factor);
    const scale = zoom / view.zoom;
    place({ zoom, x: at.x - (at.x - view.x) * scale, y: at.y - (at.y - view.y) * scale });
  }

  /** Native pixels, about the point of the image given or the middle. */
  function native(about = null) {
    const { width, height } = size();
    const zoom = nativeZoom();
    const centre = about ?? { x: (width / 2 - view.x) / view.zoom, y: (height / 2 - view.y) / view.zoom };
    place({ zoom, x: width / 2 - centre.x * zoom, y: height / 2 - centre.y * zoom });
  }

  function moveBy(x, y) {
    place({ x: view.x + x, y: view.y + y });
  }

  addPictures();
  listenToPointers(stage);
  return stage;
}

function listenToPointers({ root, zoomBy, moveBy }) {
  const fingers = new Map();
  const at = (event) => {
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
  for (const name of ["pointerup", "pointercancel"]) root.addEventListener(name, (e) => fingers.delete(e.pointerId));
  root.addEventListener("dblclick", (event) => zoomBy(event.shiftKey ? 0.5 : 2, at(event)));
}
