// Cards that compare runs: a table of all runs, what the second run of the pair changes, and the intervals of the difference.

import { card, measuredLink } from "./cards.js";
import { REPAIRS, changeOf, imageCost } from "./cost.js";
import { button, el } from "./dom.js";
import { changesFor } from "./filters.js";
import { LETTERS, percent } from "./format.js";
import { text } from "./language.js";
import { withRun } from "./pair.js";

/** @type {[key: "missed" | "alarms" | "unfound" | "wrong", kind: string][]} */
const COUNTS = [["missed", "missed"], ["alarms", "alarm"], ["unfound", "unfound"], ["wrong", "false"]];

/**
 * The cards of a comparison, none for a single run.
 * @param {PageData} data
 * @param {Store} store
 * @param {Judged} judged
 * @param {Totals[]} sums
 */
export function compareCards(data, store, judged, sums) {
  if (data.models.length < 2) return [];
  return [runTable(data, store, judged, sums), changeCard(data, store, judged), ...differenceCard(data, store)];
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @param {Judged} judged
 * @param {Totals[]} sums
 */
function runTable(data, store, judged, sums) {
  const { state } = store;
  const several = data.models.length > 2;
  const whole = data.judging !== "defects";
  const counts = COUNTS.filter((_, i) => !whole || i < 2);
  const show = (/** @type {number} */ m, /** @type {string[]} */ kinds) => () =>
    store.change({ ...(state.pair.includes(m) ? {} : withRun(state, 1, m)), focus: m, show: kinds, cell: null, tab: "images" });
  const figure = (/** @type {string} */ words, /** @type {number} */ m, /** @type {string[]} */ kinds) =>
    (/\d/.test(words) ? button(words, show(m, kinds), { title: text("show_images") }) : words);
  const side = (/** @type {0 | 1} */ place, /** @type {number} */ m) => el("td", {},
    button(text(place ? "compare.right" : "compare.left"), () => store.change(withRun(state, place, m)),
      { class: "side", "aria-pressed": String(state.pair[place] === m), "aria-label": `${text("run.letter", { letter: LETTERS[m] })}: ${text(place ? "compare.right" : "compare.left")}` }));
  const heads = ["run", ...(several ? ["compare.left", "compare.right"] : []), ...counts.map(([, kind]) => `figure.${kind}`), ...(whole ? [] : ["figure.precision", "figure.recall"]), "cost"];
  return card(text("compare.title"), several ? text("compare.hint") : "",
    el("div", { class: "scroll" }, el("table", { class: "plain runs" },
      el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, text(head))))),
      el("tbody", {}, data.models.map((model, m) => el("tr", { "data-run": m },
        el("th", { scope: "row" }, el("strong", {}, LETTERS[m]), ` ${model.name}`),
        several && [side(0, m), side(1, m)],
        counts.map(([key, kind]) => el("td", {}, button(sums[m][key], show(m, [kind]), { title: text("show_images"), "data-kind": kind }))),
        !whole && [el("td", {}, figure(percent(sums[m].precision, 1), m, ["hit", "false"])), el("td", {}, figure(percent(sums[m].recall, 1), m, ["hit", "unfound"]))],
        el("td", {}, figure(judged[m].reduce((sum, one) => sum + imageCost(one, state.costs), 0).toLocaleString("en"), m, whole ? ["missed", "alarm"] : ["missed", "alarm", "unfound", "false"]))))))),
    el("div", { class: "row costs" }, costInput(store, 0), costInput(store, 1)),
    el("p", { class: "hint" }, text("cost.note")));
}

/**
 * @param {Store} store
 * @param {0 | 1} which
 */
function costInput(store, which) {
  const id = `cost-${which}`;
  const input = el("input", { type: "number", min: 0, id, onchange: () => {
    const costs = /** @type {[number, number]} */ ([...store.state.costs]);
    costs[which] = Math.max(0, Number(input.value) || 0);
    store.change({ costs });
  } });
  input.value = String(store.state.costs[which]);
  return el("label", { for: id }, text(which ? "cost.alarm" : "cost.missed"), " ", input);
}

/**
 * @param {PageData} data
 * @param {Store} store
 * @param {Judged} judged
 */
function changeCard(data, store, judged) {
  const { pair: [a, b], costs } = store.state;
  const letters = { first: LETTERS[a], second: LETTERS[b] };
  const count = (/** @type {string} */ key) => data.images.filter(({ index }) => {
    const [first, second] = [judged[a][index], judged[b][index]];
    return REPAIRS[key] ? REPAIRS[key](first, second) : changeOf(first, second, costs) === key;
  }).length;
  return card(text("changes.title", letters), text("changes.hint"),
    el("div", { class: "scroll" }, el("table", { class: "plain changes" }, el("tbody", {}, changesFor(data).map((key) => {
      const n = count(key);
      return el("tr", { title: text(`kind.${key}.meaning`) }, el("th", { scope: "row" }, text(`kind.${key}`, letters)),
        el("td", {}, n ? button(n, () => store.change({ show: [key], cell: null, tab: "images" }), { "data-change": key, title: text("show_images") }) : el("span", { class: "none" }, "0")));
    })))));
}

/**
 * @param {PageData} data
 * @param {Store} store
 */
function differenceCard(data, store) {
  const [a, b] = store.state.pair;
  const found = data.differences.find((one) => one.a === Math.min(a, b) && one.b === Math.max(a, b));
  if (!found) return [];
  const turned = found.a === b;
  const letters = { first: LETTERS[a], second: LETTERS[b] };
  const sign = (/** @type {number} */ value) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;
  const rows = found.measures.map(({ measure, a: of_a, b: of_b, difference, interval: [low, high], verdict }) => {
    const [from, to] = turned ? [of_b, of_a] : [of_a, of_b];
    const [least, most] = turned ? [-high, -low] : [low, high];
    const better = verdict === "unclear" ? "unclear" : (verdict === "better") === turned ? "worse" : "better";
    return el("tr", {}, el("th", { scope: "row" }, measure), el("td", {}, measuredLink(data, store, a, from.toFixed(3))), el("td", {}, measuredLink(data, store, b, to.toFixed(3))),
      el("td", {}, sign(turned ? -difference : difference)), el("td", {}, `${sign(least)} … ${sign(most)}`), el("td", { class: better }, text(`difference.${better}`)));
  });
  const heads = ["", letters.first, letters.second, `${letters.second} − ${letters.first}`, text("difference.interval"), text("difference.verdict", letters)];
  return [card(text("difference.title", letters), text("difference.hint"),
    el("div", { class: "scroll", tabindex: 0 }, el("table", { class: "plain differences" },
      el("thead", {}, el("tr", {}, heads.map((head) => (head ? el("th", { scope: "col" }, head) : el("td"))))), el("tbody", {}, rows))),
    el("p", { class: "hint" }, text("difference.note", { n: found.images, resamples: found.resamples })))];
}
