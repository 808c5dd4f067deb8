// Tables: confusion of types, by type, by size, and those of metrics.json.

import { breakable, card, link, measuredLink, runSuffix, shareLink } from "./cards.js";
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

/**
 * The tables of metrics.json, made by `evaluate`; unlike the cards above, they do not depend on the thresholds.
 * @param {PageData} data
 * @param {Store} store
 */
export function measuredTables(data, store) {
  const { tables } = data.models[store.state.focus];
  return el("section", { class: "measured" },
    el("h2", {}, `${text("measured.title")}${runSuffix(data, store)}`),
    el("div", { class: "cards" }, tables.map(({ title, columns, rows, note }) => el("figure", { class: "card", title: note },
      el("figcaption", {}, el("strong", {}, title)),
      el("div", { class: "scroll", tabindex: 0 }, el("table", { class: "plain" },
        el("tr", {}, columns.map((name, i) => (name ? el("th", { scope: "col", class: alignment(rows[0]?.[i]) }, breakable(name)) : el("td")))),
        rows.map(([name, ...cells]) => el("tr", {},
          el("th", { scope: "row" }, breakable(name)), cells.map((words, i) => el("td", { class: alignment(words) }, measuredLink(store, words, ...cellChoice(data, store, title, name, columns[i + 1]))))))))))));
}

/**
 * The class of a cell: words start at the left, numbers end at the right.
 * @param {string} [words]
 */
function alignment(words = "") {
  return /^\p{L}/u.test(words) ? "prose" : "";
}

/**
 * What a click on a cell of a measured table shows: for a count of images or defects these, at the thresholds at which they
 * were counted; else the images that the value was measured on. Also whether it is such a count.
 * @param {PageData} data
 * @param {Store} store
 * @param {string} title
 * @param {string} row
 * @param {string} column
 * @returns {[Partial<State>, boolean]}
 */
function cellChoice(data, store, title, row, column) {
  const about = rowImages(data, row);
  const counted = (/** @type {string} */ kind) => /** @type {[Partial<State>, boolean]} */ ([
    { ...about, show: [kind], thresholds: [...store.initial.thresholds], iou: store.initial.iou }, true]);
  if (title === "Images" && /^(missed|false alarms)/.test(row)) {
    const [event, whole] = row.startsWith("missed") ? ["missed", "defective"] : ["alarm", "good"];
    return column === "images" ? counted(event) : [{ ...about, show: [whole] }, false];
  }
  const kind = title === "Instances" ? { found: "hit", false: "false", missed: "unfound" }[column] : undefined;
  return kind && data.judging === "defects" ? counted(kind) : [about, false];
}

/**
 * What a row of a measured table is about: an image, a type, a size, or all images.
 * @param {PageData} data
 * @param {string} name
 * @returns {Partial<State>}
 */
function rowImages(data, name) {
  if (data.images.some((image) => image.name === name)) return { image: name };
  const types = data.types.flatMap((type, i) => (name === type.name || name.endsWith(` of ${type.name}`) ? [i] : []));
  return { types, sizes: SIZES.filter((size) => name === `${size} annotations`) };
}
