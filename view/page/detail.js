// The large view of one image: the image, its truth and predictions as text, and buttons to the next image.

import { button, dialogById, el, note } from "./dom.js";
import { LETTERS, fixed } from "./format.js";
import { shownName, splitBadge } from "./image_name.js";
import { typeList } from "./image_words.js";
import { text } from "./language.js";
import { loadMaps, mapImage } from "./maps.js";
import { drawOverlay } from "./overlay.js";
import { shownRuns } from "./pair.js";
import { labelmeCommand } from "./labelme_command.js";
import { makeLargeTools, rawButton } from "./large_tools.js";
import { noteField } from "./notes.js";
import { imagePng } from "./png.js";
import { save, stem } from "./download.js";
import { makeStage } from "./stage.js";
import { signIcon } from "./types.js";
import { boxText, predictionText, truthText } from "./words.js";

const PREVIEW_SIDE = 512; // of view/crops.py; a larger image shows native pixels in its crops only

/**
 * The large view; `order` returns the images in the order of the grid.
 * @param {PageData} data
 * @param {Store} store
 * @param {() => PageImage[]} order
 * @returns {Detail}
 */
export function makeDetail(data, store, order) {
  const dialog = dialogById("large");
  dialog.tabIndex = -1;
  let runs = shownRuns(data, store.state);
  /** @type {PageImage | null} */
  let image = null;
  /** @type {Stage[]} */
  let stages = [];
  /** @type {Judged} */
  let judged = [];
  /** @type {Selected | null} */
  let selected = null;
  const counter = el("span", { class: "counter" });
  const zoomText = el("button", { type: "button", class: "zoom", title: `${text("key.native")} (1)`, onclick: () => stages[0].native() });
  const title = el("h2");
  const split = el("span");
  const panes = el("div", { class: "stages" });
  const words = el("div", { class: "side-words" });
  const tools = makeLargeTools(data, store);
  const noted = noteField(store);
  dialog.append(
    el("header", {},
      button("‹", () => step(-1), { title: `${text("large.previous")} (←)`, "aria-label": text("large.previous") }),
      button("›", () => step(1), { title: `${text("large.next")} (→)`, "aria-label": text("large.next") }),
      counter, split, title,
      rawButton(dialog), el("span", { class: "zooms" },
        button("−", () => stages[0].zoomBy(1 / 1.4), { title: `${text("large.smaller")} (-)`, "aria-label": text("large.smaller") }), zoomText,
        button("+", () => stages[0].zoomBy(1.4), { title: `${text("large.larger")} (+)`, "aria-label": text("large.larger") }),
        button(text("large.fit"), () => stages[0].fit(), { title: `${text("key.fit")} (0)` })),
      button("✕", close, { title: `${text("close")} (Esc)`, "aria-label": text("close"), class: "close" })),
    el("div", { class: "body" }, panes, el("div", { class: "large-side" }, tools.root, noted.root, words)));
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); close(); });

  function close() {
    store.change({ image: null });
  }

  /** @param {number} by */
  function step(by) {
    const images = order();
    const at = images.findIndex(({ name }) => name === store.state.image); // not `image`, which keys may overtake
    const next = images[Math.min(images.length - 1, Math.max(0, at + by))];
    if (next) store.change({ image: next.name });
  }

  /**
   * @param {string | null} name
   * @param {Judged} now
   */
  function show(name, now) {
    judged = now;
    const wanted = name === null ? null : data.images.find((one) => one.name === name) ?? null;
    if (!wanted) {
      if (dialog.open) dialog.close();
      image = null;
      return;
    }
    if (!dialog.open) {
      dialog.showModal();
      dialog.focus();
    }
    runs = shownRuns(data, store.state);
    tools.update();
    noted.update(wanted.name);
    const isNew = wanted !== image;
    image = wanted;
    describe(wanted); // first, because the name may make the header taller and the stages smaller
    if (isNew) open(wanted);
    else for (const stage of stages) stage.redraw();
  }

  /** @param {PageImage} shown */
  function open(shown) {
    selected = null;
    stages = (runs.length ? runs : [null]).map((model) => makeStage(shown, (unit) =>
      drawOverlay(data, shown, model, model === null ? null : judged[model][shown.index], store.state, unit, selected), follow, mapImage(shown, model)));
    panes.replaceChildren(...stages.map((stage, i) => el("figure", {},
      runs.length > 1 && el("figcaption", {}, `${LETTERS[runs[i]]} · ${data.models[runs[i]].name}`), stage.root)));
    for (const stage of stages) stage.fit(false);
    follow(stages[0]);
  }

  /** @param {Stage} leader */
  function follow(leader) {
    for (const stage of stages) if (stage !== leader) stage.place(leader.view, false);
    zoomText.textContent = `${Math.round(leader.view.zoom * (window.devicePixelRatio || 1) * 100)} %`;
  }

  /** @param {PageImage} shown */
  function describe(shown) {
    const images = order();
    const at = images.indexOf(shown);
    counter.textContent = at < 0 ? text("large.outside") : text("n_of", { n: at + 1, whole: images.length });
    title.textContent = shownName(shown);
    split.replaceChildren(splitBadge(shown) ?? "");
    title.title = shown.name;
    const facts = [`${shown.width} × ${shown.height} px`];
    if (shown.split) facts.push(text("fact.split", { split: shown.split }));
    shown.folds.forEach((fold, m) => {
      if (fold !== null) facts.push(`${text("fact.fold", { n: fold })}${runs.length > 1 ? ` (${LETTERS[m]})` : ""}`);
    });
    const hasPreview = shown.crops.length > 1 || Math.max(shown.width, shown.height) > PREVIEW_SIDE;
    words.replaceChildren(
      el("p", { class: "facts" }, facts.join(" · ")),
      ...(data.hasTruth && data.judging !== "types" ? [truthList(shown)] : []),
      ...(shown.suspects.length ? [suspectList(shown)] : []),
      ...runs.map((model) => (data.models[model].oneType ? typeList(data, shown, model) : predictionList(shown, model))),
      el("div", { class: "actions" },
        data.folder && button(text("copy.command"), copyCommand, { title: `${text("copy")} (c)` }),
        button(text("png.save"), savePng, { title: `${text("png.meaning")} (s)`, id: "save-png" })),
      hasPreview
        ? el("p", { class: "hint" }, text("large.preview"))
        : "");
  }

  /** @param {PageImage} shown */
  function suspectList(shown) {
    return el("section", { class: "suspects" }, el("h3", {}, text("kind.suspect")),
      el("ul", {}, shown.suspects.map((reason) => el("li", {}, reason))));
  }

  /** @param {PageImage} shown */
  function truthList(shown) {
    if (shown.good) return el("section", {}, el("h3", {}, text("truth")), el("p", {}, text("large.good")));
    return el("section", {}, el("h3", {}, text("large.truths", { n: shown.truths.length })),
      el("ol", {}, shown.truths.map((truth, t) => entry({ kind: "truth", index: t }, truth,
        text("large.truth", { box: boxText(truth.box), area: truth.area }),
        runs.map((m) => `${runs.length > 1 ? `${LETTERS[m]}: ` : ""}${truthText(shown, m, judged[m][shown.index], t)}`).join("; "),
        runs.every((m) => judged[m][shown.index].finders[t] >= 0)))));
  }

  /**
   * @param {PageImage} shown
   * @param {number} model
   */
  function predictionList(shown, model) {
    const { predictions } = shown.runs[model];
    const judgement = judged[model][shown.index];
    const heading = runs.length > 1 ? text("large.predictions_of", { letter: LETTERS[model] }) : text("large.predictions");
    const below = predictions.length - judgement.count;
    return el("section", {}, el("h3", {}, `${heading}: ${judgement.count}`),
      el("ol", {}, predictions.slice(0, judgement.count).map((prediction, p) => entry({ kind: "prediction", index: p }, prediction,
        text("large.prediction", { score: fixed(prediction.score, 3), box: boxText(prediction.box) }),
        data.hasTruth ? predictionText(judgement, p) : "", judgement.matched[p] >= 0))),
      below > 0 && el("p", { class: "hint" }, text("large.below", { n: below, score: fixed(predictions[judgement.count].score, 3) })));
  }

  /**
   * @param {Selected} which
   * @param {Item} item
   * @param {string} facts
   * @param {string} verdictText
   * @param {boolean} fine
   */
  function entry(which, item, facts, verdictText, fine) {
    const content = el("span", {}, el("strong", {}, data.types[item.type].name), ` ${facts}`,
      verdictText ? el("em", { class: fine || !data.hasTruth ? "fine" : "poor" }, verdictText) : "");
    return el("li", {}, button([signIcon(data, item.type), content], () => {
      const again = selected !== null && selected.kind === which.kind && selected.index === which.index;
      selected = again ? null : which;
      const [x, y, width, height] = item.box;
      for (const stage of stages) stage.redraw();
      if (selected) stages[0].native({ x: x + width / 2, y: y + height / 2 });
    }, { class: "entry", title: text("large.show") }));
  }

  async function savePng() {
    if (!image) return;
    try {
      save(`${stem(image.name)}.png`, await imagePng(data, image, judged, store.state));
    } catch {
      note(text("png.refused"));
    }
  }

  async function copyCommand() {
    if (!image || !data.folder) return;
    const command = labelmeCommand(data, image, store.state);
    try {
      await navigator.clipboard.writeText(command);
      note(text(data.correct ? "copied.correct" : "copied.command"));
    } catch {
      window.prompt(text("copy.prompt"), command);
    }
  }

  return {
    show, step, copyCommand, savePng, close,
    isOpen: () => dialog.open,
    stage: () => stages[0],
    addCrops: () => {
      for (const stage of stages) stage.addCrops();
      loadMaps(data, panes);
    },
  };
}
