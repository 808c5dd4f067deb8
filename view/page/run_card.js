// The card of a run: what it learned from what, its main numbers with intervals, its training curve.

import { axes } from "./axes.js";
import { card, measuredLink } from "./cards.js";
import { el, svg } from "./dom.js";
import { LETTERS } from "./format.js";
import { text } from "./language.js";

const HASH_DIGITS = 12;

/**
 * The cards of runs; runs without one are left out.
 * @param {PageData} data
 * @param {number[]} runs
 * @param {Store | null} store null on paper, where no figure is a button
 */
export function runCards(data, runs, store = null) {
  return runs.flatMap((m) => {
    const { card: about, name } = data.models[m];
    return about ? [runCard(data, m, about, data.models.length > 1 ? `${LETTERS[m]} ${name}` : name, store)] : [];
  });
}

/**
 * @param {PageData} data
 * @param {number} m
 * @param {RunCard} about
 * @param {string} name
 * @param {Store | null} store
 */
function runCard(data, m, about, name, store) {
  const splits = Object.entries(about.splits).map(([split, n]) => `${split} ${n.toLocaleString("en")}`).join(", ");
  const epochs = about.epochsAsked === null ? String(about.epochsDone) : text("n_of", { n: about.epochsDone, whole: about.epochsAsked });
  const facts = [
    ["card.task", about.task], ["card.date", about.date], ["card.made_by", about.madeBy],
    ["card.data", `${about.dataset}${about.contentSha256 ? ` · sha256 ${about.contentSha256.slice(0, HASH_DIGITS)}…` : ""}`],
    ["card.splits", splits], ["card.folds", about.folds ? String(about.folds) : ""],
    ["card.weights", about.weights], ["card.epochs", about.folds ? String(about.epochsAsked ?? "") : epochs],
  ].filter(([, value]) => value);
  const numbers = about.numbers.map(({ name: number, value, low, high }) => el("tr", {}, el("th", { scope: "row" }, number),
    el("td", {}, store ? measuredLink(data, store, m, value.toFixed(3)) : value.toFixed(3)), el("td", {}, low === null || high === null ? "" : `${low.toFixed(3)} … ${high.toFixed(3)}`)));
  return card(name, text("card.title"),
    about.corrections > 0 && el("p", { class: "hint corrected" }, text("card.corrected", { n: about.corrections })),
    el("dl", { class: "card-facts", title: about.contentSha256 ?? "" }, facts.map(([key, value]) => el("div", {}, el("dt", {}, text(key)), el("dd", {}, value)))),
    el("div", { class: "scroll", tabindex: 0 }, el("table", { class: "plain" }, el("thead", {}, el("tr", {}, ["card.number", "card.value", "difference.interval"].map((key) => el("th", { scope: "col" }, text(key))))),
      el("tbody", {}, numbers))),
    el("h3", {}, text("card.changed")),
    about.changed.length
      ? el("ul", { class: "changed" }, about.changed.map(({ name: option, value, default: usual }) => el("li", {}, el("b", {}, option), ` ${value}`,
        usual && el("span", { class: "hint" }, ` (${usual})`))))
      : el("p", { class: "hint" }, text("card.defaults")),
    trainingCurve(about));
}

/**
 * The losses and the measures of each epoch, each scaled to its own maximum.
 * @param {RunCard} about
 */
function trainingCurve({ curves, epochsDone }) {
  const shown = curves.filter(({ name }) => /^(train_loss|val_loss|val_dice|val_accuracy|AP)$/.test(name));
  if (epochsDone < 2 || !shown.length) return "";
  const last = Math.max(2, epochsDone);
  const step = Math.ceil(last / 5);
  const ticks = Array.from({ length: Math.floor(last / step) + 1 }, (_, i) => i * step);
  const { root, at } = axes({ max: last, ticks, label: text("card.epoch") }, { max: 1, ticks: [], label: "" });
  root.setAttribute("aria-label", text("card.curve"));
  const keys = shown.map(({ name, values }, k) => {
    const known = values.filter((value) => value !== null);
    const most = Math.max(...known) || 1;
    const points = values.flatMap((value, i) => (value === null ? [] : [at(i + 1, value / most).map((v) => v.toFixed(1)).join(" ")]));
    root.append(svg("path", { class: `curve series-${k}`, d: `M${points.join("L")}` }));
    return el("span", { class: "key-line" }, svg("svg", { viewBox: "0 0 26 8", class: "line-sample", "aria-hidden": "true" }, svg("path", { class: `curve series-${k}`, d: "M0 4H26" })),
      text("card.series", { name, most: most.toFixed(3) }));
  });
  return [root, el("p", { class: "hint keys" }, keys)];
}
