// Keyboard commands, and their list, which ? opens.

import { button, byId, dialogById, el } from "./dom.js";
import { DEFAULT_THRESHOLD } from "./judge.js";
import { text } from "./language.js";
import { toggleLayers } from "./layer_toggle.js";

const KEYS = [
  ["?", "help"],
  ["/", "search"],
  ["← → ↑ ↓", "step"],
  ["Home End", "ends"],
  ["Enter", "open"],
  ["Esc", "escape"],
  ["+ −", "zoom"],
  ["0", "fit"],
  ["1", "native"],
  ["t", "truth"],
  ["p", "predictions"],
  ["m", "masks"],
  ["b", "boxes"],
  ["o", "outlines"],
  ["l", "labels"],
  ["k", "map"],
  ["h", "raw"],
  ["[ ]", "confidence"],
  ["r", "reset"],
  ["v", "tab"],
  ["c", "copy"],
  ["s", "png"],
];

/** @typedef {Record<string, () => void>} Commands */

/**
 * Listen for keys.
 * @param {PageData} data
 * @param {Store} store
 * @param {Detail} detail
 * @param {{press: (key: string) => boolean}} grid
 */
export function listenToKeys(data, store, detail, grid) {
  const help = makeHelp();
  /** @type {Commands} */
  const commands = {
    "?": () => (help.open ? help.close() : help.showModal()),
    "/": () => byId("search").focus(),
    t: () => toggleLayers(store, (layer) => layer.startsWith("truth")),
    p: () => toggleLayers(store, (layer) => layer.startsWith("prediction")),
    m: () => toggleLayers(store, (layer) => layer.endsWith("masks")),
    b: () => toggleLayers(store, (layer) => layer.endsWith("boxes")),
    o: () => toggleLayers(store, (layer) => layer.endsWith("outlines")),
    l: () => toggleLayers(store, (layer) => layer.endsWith("labels")),
    k: () => toggleLayers(store, (layer) => layer === "map"),
    "[": () => nudge(-0.01),
    "]": () => nudge(0.01),
    r: () => store.change({ thresholds: [...store.initial.thresholds], iou: store.initial.iou }),
    v: () => store.change({ tab: store.state.tab === "images" ? "tables" : "images", image: null }),
  };
  /** @type {Commands} */
  const inLarge = {
    ArrowLeft: () => detail.step(-1),
    ArrowRight: () => detail.step(1),
    "+": () => detail.stage().zoomBy(1.4),
    "=": () => detail.stage().zoomBy(1.4),
    "-": () => detail.stage().zoomBy(1 / 1.4),
    0: () => detail.stage().fit(),
    1: () => detail.stage().native(),
    c: () => detail.copyCommand(),
    s: () => detail.savePng(),
  };
  /** @type {Commands} */
  const inGrid = {
    Escape: () => store.change({ show: [], types: [], sizes: [], text: "", cell: null }),
  };

  /** @param {number} by */
  function nudge(by) {
    const { thresholds, focus } = store.state;
    if (!thresholds.length) return;
    const { threshold, floor } = data.models[focus];
    const next = [...thresholds];
    const now = next[focus] ?? threshold ?? DEFAULT_THRESHOLD;
    next[focus] = Math.min(1, Math.max(floor, Math.round((now + by) * 1000) / 1000));
    store.change({ thresholds: next });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (target.matches("input:not([type=checkbox]), select, textarea")) {
      if (event.key === "Escape") target.blur();
      return;
    }
    if (help.open && event.key !== "?") return;
    const local = detail.isOpen() ? inLarge : inGrid;
    if (!detail.isOpen() && !byId("images").hidden && !target.closest("#top, #side, #bar") && grid.press(event.key)) {
      event.preventDefault();
      return;
    }
    const command = local[event.key] ?? commands[event.key];
    if (!command) return;
    event.preventDefault();
    command();
  });
  return { help };
}

function makeHelp() {
  const help = dialogById("help");
  help.append(
    el("header", {}, el("h2", {}, text("keys")), button("✕", () => help.close(), { "aria-label": text("close"), class: "close" })),
    el("dl", {}, KEYS.map(([key, name]) => [el("dt", {}, key.split(" ").map((k) => el("kbd", {}, k))), el("dd", {}, text(`key.${name}`))])),
    el("p", { class: "hint" }, text("keys.note")));
  help.addEventListener("click", (event) => { if (event.target === help) help.close(); });
  return help;
}
