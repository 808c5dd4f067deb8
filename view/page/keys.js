// Keyboard, and the list of keys and signs under ?.

import { byId, button, el } from "./dom.js";
import { LAYERS } from "./state.js";

const KEYS = [
  ["?", "this list"],
  ["/", "search"],
  ["← →", "previous and next image"],
  ["Enter", "open the chosen image"],
  ["Esc", "close, or clear all filters"],
  ["+ −", "zoom in and out; mouse wheel and two fingers do too"],
  ["0", "whole image"],
  ["1", "native pixels"],
  ["t", "truth on and off"],
  ["p", "predictions on and off"],
  ["m", "masks on and off"],
  ["b", "boxes on and off"],
  ["o", "outlines on and off"],
  ["l", "labels on and off"],
  ["[ ]", "lower and raise the confidence"],
  ["r", "back to the operating point"],
  ["v", "images, or curves and tables"],
  ["c", "copy the command that opens the image in labelme"],
];

/** Listen for keys; `detail` is the large view. */
export function listenToKeys(data, store, detail) {
  const help = makeHelp();
  const commands = {
    "?": () => (help.open ? help.close() : help.showModal()),
    "/": () => byId("search").focus(),
    t: () => flip((layer) => layer.startsWith("truth")),
    p: () => flip((layer) => layer.startsWith("prediction")),
    m: () => flip((layer) => layer.endsWith("masks")),
    b: () => flip((layer) => layer.endsWith("boxes")),
    o: () => flip((layer) => layer.endsWith("outlines")),
    l: () => flip((layer) => layer.endsWith("labels")),
    "[": () => nudge(-0.01),
    "]": () => nudge(0.01),
    r: () => store.change({ thresholds: [...store.initial.thresholds], iou: store.initial.iou }),
    v: () => store.change({ tab: store.state.tab === "images" ? "tables" : "images", image: null }),
  };
  const inLarge = {
    ArrowLeft: () => detail.step(-1),
    ArrowRight: () => detail.step(1),
    "+": () => detail.stage().zoomBy(1.4),
    "=": () => detail.stage().zoomBy(1.4),
    "-": () => detail.stage().zoomBy(1 / 1.4),
    0: () => detail.stage().fit(),
    1: () => detail.stage().native(),
    c: () => detail.copyCommand(),
  };
  const inGrid = {
    ArrowRight: () => moveFocus(1),
    ArrowLeft: () => moveFocus(-1),
    Escape: () => store.change({ show: [], types: [], sizes: [], text: "", cell: null }),
  };

  function flip(wanted) {
    const { layers } = store.state;
    const members = LAYERS.filter(wanted);
    const on = members.some((layer) => layers.includes(layer));
    const usual = store.initial.layers.filter(wanted);
    const shown = usual.length ? usual : members;
    store.change({ layers: on ? layers.filter((layer) => !wanted(layer)) : [...layers, ...shown] });
  }

  function nudge(by) {
    const { thresholds, focus } = store.state;
    if (!thresholds.length) return;
    const next = [...thresholds];
    const now = next[focus] ?? data.models[focus].threshold;
    next[focus] = Math.min(1, Math.max(data.models[focus].floor, Math.round((now + by) * 1000) / 1000));
    store.change({ thresholds: next });
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input:not([type=checkbox]), select, textarea");
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (help.open && event.key !== "?") return;
    const local = detail.isOpen() ? inLarge : inGrid;
    const command = local[event.key] ?? commands[event.key];
    if (!command) return;
    event.preventDefault();
    command();
  });
  return { help };
}

function moveFocus(by) {
  const tiles = [...document.querySelectorAll(".tile")].sort((a, b) => Number(a.style.order) - Number(b.style.order));
  const at = tiles.indexOf(document.activeElement);
  tiles[Math.min(tiles.length - 1, Math.max(0, at + by))]?.focus();
}

function makeHelp() {
  const help = byId("help");
  help.append(
    el("header", {}, el("h2", {}, "Keys"), button("✕", () => help.close(), { "aria-label": "Close", class: "close" })),
    el("dl", {}, KEYS.flatMap(([key, what]) => [el("dt", {}, key.split(" ").map((k) => el("kbd", {}, k))), el("dd", {}, what)])),
    el("p", { class: "hint" }, "Counts follow the thresholds as they move. A prediction is right when it overlaps an annotation of its type at least by the IoU. "
      + "A miss is a defective image on which nothing is found, a false alarm a good image on which something is. "
      + "The address keeps everything that is set: copy it to share this view."));
  help.addEventListener("click", (event) => { if (event.target === help) help.close(); });
  return help;
}
