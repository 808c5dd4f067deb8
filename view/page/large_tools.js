// The tools of the large view: thresholds, maps, layers and legend, and the image without anything on it while held.

import { button, el } from "./dom.js";
import { text } from "./language.js";
import { isShown, toggleLayers } from "./layer_toggle.js";
import { legend } from "./legend.js";
import { hasMaps, mapControls } from "./maps.js";
import { oneThreshold } from "./thresholds.js";

const PREFIX = "large-"; // of ids, which the side panel uses without it
const PHONE = "(max-width: 760px)";

/** @type {[name: string, wanted: (layer: string) => boolean][]} */
const GROUPS = [
  ["truth", (layer) => layer.startsWith("truth")],
  ["prediction", (layer) => layer.startsWith("prediction")],
  ["layer.mask", (layer) => layer.endsWith("masks")],
  ["layer.outline", (layer) => layer.endsWith("outlines")],
  ["layer.box", (layer) => layer.endsWith("boxes")],
  ["layer.label", (layer) => layer.endsWith("labels")],
];

/**
 * @param {PageData} data
 * @param {Store} store
 */
export function makeLargeTools(data, store) {
  const thresholds = data.models.map((_, m) => oneThreshold(data, store, m, PREFIX));
  const maps = hasMaps(data) ? mapControls(data, store, PREFIX) : null;
  const groups = GROUPS.filter(([name]) => (name === "truth" ? data.hasTruth : name !== "prediction" || data.models.length > 0));
  const chips = groups.map(([name, wanted]) => {
    const root = button(text(name), () => toggleLayers(store, wanted), { class: "chip", "data-group": name });
    return { root, update: () => root.setAttribute("aria-pressed", String(isShown(store, wanted))) };
  });
  const panel = el("details", { class: "large-tools", open: !window.matchMedia(PHONE).matches },
    el("summary", {}, text("large.tools")), thresholds.map(({ root }) => root), maps && lowered(maps.root),
    el("div", { class: "groups", role: "group", "aria-label": text("layers") }, chips.map(({ root }) => root)), lowered(legend(data, PREFIX).root));
  return {
    root: panel,
    update() {
      for (const part of [...thresholds, ...chips]) part.update();
      maps?.update({ kinds: new Map(), types: new Map(), sizes: new Map() });
    },
  };
}

/**
 * A section of the side panel with its heading below that of the image.
 * @param {HTMLElement} part
 */
function lowered(part) {
  const heading = part.querySelector("h2");
  heading?.replaceWith(el("h3", {}, heading.textContent));
  return part;
}

/**
 * A button that hides everything drawn on the image while it is held, by mouse, finger or pen, or the key h.
 * @param {HTMLDialogElement} dialog
 */
export function rawButton(dialog) {
  const hold = (/** @type {boolean} */ on) => {
    dialog.classList.toggle("raw", on);
    root.setAttribute("aria-pressed", String(on));
  };
  const release = () => hold(false);
  const root = button(text("large.raw"), () => {}, { class: "raw-button", title: `${text("large.raw")} (h)`, "aria-pressed": "false" });
  root.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button === 0) hold(true);
  });
  for (const name of ["pointerup", "pointercancel", "pointerleave", "blur"]) root.addEventListener(name, release);
  root.addEventListener("contextmenu", (event) => event.preventDefault()); // a finger that stays down asks for one
  root.addEventListener("keydown", (event) => { if (event.key === " " || event.key === "Enter") hold(true); });
  root.addEventListener("keyup", release);
  document.addEventListener("keydown", (event) => {
    const writing = /** @type {HTMLElement} */ (event.target).matches("input:not([type=checkbox]):not([type=range]), select, textarea");
    if (event.key === "h" && dialog.open && !writing && !event.ctrlKey && !event.metaKey && !event.altKey) hold(true);
  });
  document.addEventListener("keyup", (event) => { if (event.key === "h") release(); });
  window.addEventListener("blur", release);
  return root;
}
