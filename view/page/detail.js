// The large view of one image: picture, words, and the way to the next.

import { byId, button, el, note } from "./dom.js";
import { LETTERS, count, fixed, shellWord } from "./format.js";
import { thresholdFor } from "./judge.js";
import { drawOverlay } from "./overlay.js";
import { makeStage } from "./stage.js";
import { signIcon } from "./types.js";
import { place, predictionWords, truthWords } from "./words.js";


/** The large view; `store` tells which image, `order()` gives the images in the order of the grid. */
export function makeDetail(data, store, order) {
  const dialog = byId("large");
  dialog.tabIndex = -1;
  const models = data.models.length ? data.models.map((_, m) => m) : [null];
  let image = null;
  let stages = [];
  let judged = [];
  let selected = null;
  const counter = el("span", { class: "counter" });
  const zoomText = el("button", { type: "button", class: "zoom", title: "Native pixels (1)", onclick: () => stages[0].native() });
  const title = el("h2");
  const panes = el("div", { class: "stages" });
  const words = el("div", { class: "side-words" });
  dialog.append(
    el("header", {},
      button("‹", () => step(-1), { title: "Previous (←)", "aria-label": "Previous image" }),
      button("›", () => step(1), { title: "Next (→)", "aria-label": "Next image" }),
      counter, title,
      el("span", { class: "zooms" },
        button("−", () => stages[0].zoomBy(1 / 1.4), { title: "Smaller (-)", "aria-label": "Zoom out" }), zoomText,
        button("+", () => stages[0].zoomBy(1.4), { title: "Larger (+)", "aria-label": "Zoom in" }),
        button("Fit", () => stages[0].fit(), { title: "Whole image (0)" })),
      button("✕", close, { title: "Close (Esc)", "aria-label": "Close", class: "close" })),
    el("div", { class: "body" }, panes, words));
  dialog.addEventListener("cancel", (event) => { event.preventDefault(); close(); });

  function close() {
    store.change({ image: null });
  }

  function step(by) {
    const images = order();
    const at = images.indexOf(image);
    const next = images[Math.min(images.length - 1, Math.max(0, (at < 0 ? -1 : at) + by))];
    if (next) store.change({ image: next.name });
  }

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
    const isNew = wanted !== image;
    image = wanted;
    if (isNew) open();
    else stages.forEach((stage) => stage.redraw());
    tell();
  }

  function open() {
    selected = null;
    stages = models.map((model) => makeStage(image, (unit) => overlay(model, unit), follow));
    panes.replaceChildren(...stages.map((stage, m) => el("figure", {},
      models.length > 1 && el("figcaption", {}, `${LETTERS[m]} · ${data.models[m].name}`), stage.root)));
    stages.forEach((stage) => stage.fit(false));
    follow(stages[0]);
  }

  function overlay(model, unit) {
    return drawOverlay(data, image, model, one(model), store.state, unit, selected);
  }

  function one(model) {
    return model === null ? null : judged[model][image.index];
  }

  function follow(leader) {
    for (const stage of stages) if (stage !== leader) stage.place(leader.view, false);
    zoomText.textContent = `${Math.round(leader.view.zoom * (window.devicePixelRatio || 1) * 100)} %`;
  }

  function tell() {
    const images = order();
    const at = images.indexOf(image);
    counter.textContent = at < 0 ? "not in this selection" : `${at + 1} of ${images.length}`;
    title.textContent = image.name;
    title.title = image.name;
    const facts = [`${image.width} × ${image.height} px`];
    if (image.split) facts.push(`split ${image.split}`);
    image.folds.forEach((fold, m) => {
      if (fold !== null) facts.push(`fold ${fold}${models.length > 1 ? ` of ${LETTERS[m]}` : ""}`);
    });
    words.replaceChildren(
      el("p", { class: "facts" }, facts.join(" · ")),
      data.hasTruth && truthList(),
      ...models.filter((m) => m !== null).map(predictionList),
      el("div", { class: "actions" },
        button("Copy the command that opens this in labelme", copyCommand, { title: "Copy (c)" })),
      image.crops.length > 1 || image.crops[0][2] > 512
        ? el("p", { class: "hint" }, "Sharp around defects and predictions, where native pixels are embedded; a smaller preview elsewhere.")
        : "");
  }

  function truthList() {
    if (image.good) return el("section", {}, el("h3", {}, "Truth"), el("p", {}, "A good image: no annotation."));
    return el("section", {}, el("h3", {}, `Truth: ${count(image.truths.length, "annotation")}`),
      el("ol", {}, image.truths.map((truth, t) => entry("truth", t, truth,
        `${place(truth.box)}, ${truth.area.toLocaleString("en")} px`,
        models.filter((m) => m !== null).map((m) => `${models.length > 1 ? `${LETTERS[m]}: ` : ""}${truthWords(image, m, one(m), t)}`).join("; "),
        models.every((m) => m === null || one(m).finders[t] >= 0)))));
  }

  function predictionList(model) {
    const { predictions } = image.runs[model];
    const judgement = one(model);
    const heading = models.length > 1 ? `Predictions of ${LETTERS[model]}` : "Predictions";
    const below = predictions.length - judgement.count;
    return el("section", {}, el("h3", {}, `${heading}: ${judgement.count}`),
      el("ol", {}, predictions.slice(0, judgement.count).map((p, i) => entry("prediction", i, p,
        `score ${fixed(p.score, 3)}, ${place(p.box)}`, data.hasTruth ? predictionWords(judgement, i) : "", judgement.met[i] >= 0))),
      below > 0 && el("p", { class: "hint" }, `${count(below, "prediction")} below the threshold, best ${fixed(predictions[judgement.count].score, 3)}.`));
  }

  function entry(kind, index, item, facts, verdict, fine) {
    return el("li", {}, button([signIcon(data, item.type), el("span", {},
      el("strong", {}, data.types[item.type].name), ` ${facts}`,
      verdict ? el("em", { class: fine || !data.hasTruth ? "fine" : "poor" }, verdict) : "")], () => {
      selected = selected && selected.kind === kind && selected.index === index ? null : { kind, index };
      const [x, y, width, height] = item.box;
      stages.forEach((stage) => stage.redraw());
      if (selected) stages[0].native({ x: x + width / 2, y: y + height / 2 });
    }, { class: "entry", title: "Show at native pixels" }));
  }

  async function copyCommand() {
    const text = labelmeCommand(data, image, store.state);
    try {
      await navigator.clipboard.writeText(text);
      note("Command copied: for a terminal in the folder where view was started");
    } catch {
      window.prompt("Copy this command:", text);
    }
  }

  return {
    show, step, copyCommand, close,
    isOpen: () => dialog.open,
    stage: () => stages[0],
    fillIn: () => { stages.forEach((stage) => stage.addPictures()); },
  };
}

/** The command line that opens the image in labelme, with the predictions of a run that count as editable shapes. */
export function labelmeCommand(data, image, state) {
  const only = [data.folder, "--only", image.name];
  const open = ["annotate", "open", ...only];
  const model = data.models[state.focus];
  const least = model && String(thresholdFor(data, state, state.focus, image));
  const commands = model ? [["annotate", "propose", ...only, ...model.propose, "--min-score", least], open] : [open];
  return commands.map((words) => words.map(shellWord).join(" ")).join(" && ");
}
