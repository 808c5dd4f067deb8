// The figures in the header: each is a button that shows its images, with the interval of its rate.

import { byId, el } from "./dom.js";
import { LETTERS, percent } from "./format.js";
import { WRONG_TYPE } from "./judge.js";
import { binomialInterval, intervalText } from "./interval.js";
import { text } from "./language.js";
import { shownRuns } from "./pair.js";
import { sharesInterval } from "./survey.js";

/** A rate of zero events is shown as good only if even the upper end of its interval is below this. */
const CERTAIN = 0.05;

/**
 * @typedef {{key: string, value: number | string, of: string, count: number, interval: Interval | null, mood: string, show: string[]}} Figure
 */

/**
 * Returns a function that shows the figures of all runs.
 * @param {PageData} data
 * @param {Store} store
 */
export function makeFigures(data, store) {
  return (/** @type {Judged} */ judged, /** @type {Totals[]} */ sums) => {
    const runs = sums.length && data.hasTruth ? shownRuns(data, store.state) : [];
    const ofRun = (/** @type {number} */ m) => (data.judging === "defects" ? runFigures(sums[m]) : imageFigures(data, judged[m], sums[m]));
    const rows = runs.length ? runs.map(ofRun) : [stockFigures(data, judged)];
    byId("numbers").style.setProperty("--figures", String(rows[0].length));
    byId("numbers").replaceChildren(...rows.map((row, i) => runRow(store, row, runs[i] ?? 0, rows.length > 1)));
  };
}

/**
 * @param {Store} store
 * @param {Figure[]} row
 * @param {number} m
 * @param {boolean} several
 */
function runRow(store, row, m, several) {
  const name = several ? text("run.letter", { letter: LETTERS[m] }) : null;
  return el("div", { class: "run-figures" }, several && el("span", { class: "letter", "aria-hidden": "true" }, LETTERS[m]),
    el("dl", { class: "figures", "data-run": m, "aria-label": name }, row.map((figure) => shownFigure(store, m, figure, row.some(({ interval }) => interval)))));
}

/**
 * @param {Totals} sum
 * @returns {Figure[]}
 */
function runFigures(sum) {
  const { missed, defective, alarms, good, found, unfound, wrong } = sum;
  const [missedDefects, falsePredictions] = [sharesInterval(sum.defects), sharesInterval(sum.predictions)];
  return [
    counted("missed", missed, defective, binomialInterval(missed, defective), ["missed"]),
    counted("alarm", alarms, good, binomialInterval(alarms, good), ["alarm"]),
    counted("unfound", unfound, unfound + found, missedDefects, ["unfound"]),
    counted("false", wrong, wrong + found, falsePredictions, ["false"]),
    { key: "precision", value: percent(sum.precision, 1), of: text("n_of", { n: found, whole: found + wrong }), count: found,
      interval: opposite(falsePredictions), mood: "", show: ["hit", "false"] },
    { key: "recall", value: percent(sum.recall, 1), of: text("n_of", { n: found, whole: found + unfound }), count: found,
      interval: opposite(missedDefects), mood: "", show: ["hit", "unfound"] },
  ];
}

/**
 * The figures of whole images; for image types also how many of them are right.
 * @param {PageData} data
 * @param {Judgement[]} judgements
 * @param {Totals} sum
 * @returns {Figure[]}
 */
function imageFigures(data, judgements, { missed, defective, alarms, good }) {
  const images = [counted("missed", missed, defective, binomialInterval(missed, defective), ["missed"]),
    counted("alarm", alarms, good, binomialInterval(alarms, good), ["alarm"])];
  if (data.judging !== "types") return images;
  const all = judgements.length;
  const right = judgements.filter((one) => one.wrong + one.unfound === 0).length;
  const confused = judgements.filter((one) => one.truthVerdicts.includes(WRONG_TYPE)).length;
  return [...images, counted("wrong_type", confused, defective, binomialInterval(confused, defective), ["wrong"]),
    { key: "right_type", value: percent(right, all), of: text("n_of", { n: right, whole: all }), count: right,
      interval: binomialInterval(right, all), mood: "", show: ["right"] }];
}

/**
 * @param {string} key
 * @param {number} n
 * @param {number} whole
 * @param {Interval | null} interval
 * @param {string[]} show
 * @returns {Figure}
 */
function counted(key, n, whole, interval, show) {
  const mood = n ? "bad" : interval && interval[1] <= CERTAIN ? "good" : "open";
  return { key, value: n, of: text("of", { whole }), count: n, interval, mood, show };
}

/**
 * @param {Interval | null} interval
 * @returns {Interval | null}
 */
function opposite(interval) {
  return interval && [1 - interval[1], 1 - interval[0]];
}

/**
 * The figures of a dataset, or of images without truth.
 * @param {PageData} data
 * @param {Judged} judged
 * @returns {Figure[]}
 */
function stockFigures(data, judged) {
  const one = (/** @type {string} */ key, /** @type {number} */ n, /** @type {string} */ of, /** @type {string[]} */ show) =>
    ({ key, value: n, of, count: n, interval: null, mood: "", show });
  if (data.models.length) {
    const found = judged[0].filter((judgement) => judgement.count > 0).length;
    return [one("found", found, text("of", { whole: data.images.length }), ["found"])];
  }
  const good = data.images.filter((image) => image.good).length;
  const annotations = data.images.reduce((sum, image) => sum + image.truths.length, 0);
  return [one("defective", data.images.length - good, "", ["defective"]), one("good", good, "", ["good"]),
    one("annotations", annotations, "", ["defective"])];
}

/**
 * @param {Store} store
 * @param {number} m
 * @param {Figure} figure
 * @param {boolean} lined whether there is a line for the interval, also if this figure has none
 */
function shownFigure(store, m, { key, value, of, count, interval, mood, show }, lined) {
  const { state } = store;
  const on = state.tab === "images" && state.focus === m && !state.cell && JSON.stringify(state.show) === JSON.stringify(show);
  const name = text(`figure.${key}`);
  const range = intervalText(interval);
  const press = () => store.change({ show: on ? [] : show, focus: m, tab: "images", cell: null });
  const open = mood === "open" && interval ? text("figure.open", { high: intervalText([0, interval[1]]) }) : "";
  return el("div", { class: `figure ${mood}`, "data-figure": key, "data-count": count }, el("dt", {}, name),
    el("dd", {}, el("button", { type: "button", onclick: press, "aria-pressed": String(on), title: [text(`figure.${key}.meaning`), open].filter(Boolean).join("; ") },
      el("span", { class: "unseen" }, `${name}: `), el("b", {}, value), of ? el("i", {}, ` ${of}`) : "", lined ? el("small", {}, range || "\u00a0") : "")));
}
