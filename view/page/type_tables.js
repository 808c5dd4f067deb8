// Tables: confusion of types, by type, by size.

import { breakable, card, link, runSuffix, shareLink } from "./cards.js";
import { el } from "./dom.js";
import { fixed, percent } from "./format.js";
import { text } from "./language.js";
import { SIZES } from "./measure.js";
import { signIcon } from "./types.js";

/** @type {("truths" | "found" | "unfound" | "wrong")[]} */
const TYPE_COUNTS = ["truths", "found", "unfound", "wrong"];
/** @type {("precision" | "recall" | "ap")[]} */
const TYPE_SHARES = ["precision", "recall", "ap"];
const DEFECT_HEADS = ["all", "types.found", "types.missed"];
const SHARE_HEADS = ["figure.false", "figure.precision", "figure.recall", "ap"];

/**
 * @param {PageData} data
 * @param {Store} store
 * @param {Tally[][]} matrix
 */
export function confusionCard(data, store, matrix) {
  const none = data.types.length;
  /** @type {(i: number, nothing: string) => Children} */
  const head = (i, nothing) => (i === none ? nothing : [signIcon(data, i), breakable(data.types[i].name)]);
  const columns = [...data.types.keys(), none];
  const largest = Math.max(1, ...matrix.flat().map((tally) => tally.count));
  const cell = (/** @type {number} */ row, /** @type {number} */ column) => {
    if (row === none && column === none) return el("td", { class: "empty" });
    const td = el("td", { class: row === column ? "diagonal" : "" }, link(store, matrix[row][column], ["confusion", row, column]));
    td.style.setProperty("--share", (matrix[row][column].count / largest).toFixed(3));
    return td;
  };
  return card(`${text("confusion.title")}${runSuffix(data, store)}`, text("confusion.hint"),
    el("div", { class: "scroll" }, el("table", { class: "confusion" },
      el("tr", {}, el("th", {}, text("confusion.corner")), columns.map((c) => el("th", { scope: "col" }, head(c, text("defect_missed"))))),
      columns.map((r) => el("tr", {}, el("th", { scope: "row" }, head(r, text("verdict.nothing there"))), columns.map((c) => cell(r, c)))))));
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @param {TypeRow[]} rows
 * @param {PrecisionRecall[]} ranked
 */
export function typeCard(data, store, rows, ranked) {
  const tall = (/** @type {string} */ head) => el("th", { scope: "col", rowspan: 2 }, text(head));
  return card(`${text("types.by_type")}${runSuffix(data, store)}`, text(`types.hint.${store.state.by}`, { iou: store.state.iou.toFixed(2) }),
    el("div", { class: "scroll" }, el("table", { class: "plain" },
      el("thead", {}, el("tr", {}, tall("type"), el("th", { scope: "colgroup", colspan: DEFECT_HEADS.length }, text("types.all")), SHARE_HEADS.map(tall)),
        el("tr", {}, DEFECT_HEADS.map((h) => el("th", { scope: "col" }, text(h))))),
      rows.map((row, type) => el("tr", {},
        el("th", { scope: "row" }, signIcon(data, type), breakable(data.types[type].name)),
        TYPE_COUNTS.map((column) => el("td", {}, link(store, row[column], ["type", type, column]))),
        TYPE_SHARES.map((column) => el("td", {}, shareLink(store, column === "ap" ? fixed(ranked[type].ap, 3) : percent(row[column], 1), ["type", type, column]))))))));
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @param {SizeCell[][]} rows
 */
export function sizeCard(data, store, rows) {
  const cell = (/** @type {SizeCell} */ { truths, unfound }, /** @type {number} */ row, /** @type {number} */ column) => {
    if (!truths.count) return el("td", { class: "zero" }, "–");
    const td = el("td", {}, link(store, unfound, ["unfound", row, column]), ` ${text("of", { whole: "" })} `, link(store, truths, ["size", row, column]));
    td.style.setProperty("--share", (unfound.count / truths.count).toFixed(3));
    return td;
  };
  return card(`${text("sizes.title")}${runSuffix(data, store)}`, text("sizes.hint"),
    el("div", { class: "scroll" }, el("table", { class: "confusion sizes" },
      el("tr", {}, ["type", ...SIZES.map((size) => `size.${size}`), "all"].map((h) => el("th", { scope: "col" }, text(h)))),
      rows.map((cells, row) => el("tr", {},
        el("th", { scope: "row" }, row < data.types.length ? [signIcon(data, row), breakable(data.types[row].name)] : text("all")),
        cells.map((one, column) => cell(one, row, column)))))));
}
