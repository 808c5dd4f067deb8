// The tables of metrics.json.

import { breakable, figureLink, runSuffix } from "./cards.js";
import { el } from "./dom.js";
import { text } from "./language.js";
import { measuredChoice } from "./measured_choice.js";

/**
 * Titles of tables with a line that explains them.
 * @type {Record<string, string>}
 */
const EXPLAINED = { Instances: "measured.instances", "Errors of instances": "measured.errors" };

/**
 * The tables of metrics.json, made by `evaluate`; unlike the cards above, they do not depend on the thresholds.
 * @param {PageData} data
 * @param {Store} store
 */
export function measuredTables(data, store) {
  const { tables } = data.models[store.state.focus];
  const choose = measuredChoice(data, store);
  return el("section", { class: "measured" },
    el("h2", {}, `${text("measured.title")}${runSuffix(data, store)}`),
    el("div", { class: "cards" }, tables.map(({ title, columns, rows, note }) => el("figure", { class: "card", title: note },
      el("figcaption", {}, el("strong", {}, title), EXPLAINED[title] ? el("span", { class: "hint" }, ` ${text(EXPLAINED[title])}`) : ""),
      el("div", { class: "scroll", tabindex: 0 }, el("table", { class: "plain" },
        el("tr", {}, columns.map((name, i) => (name ? el("th", { scope: "col", class: alignment(rows[0]?.[i]) }, breakable(name)) : el("td")))),
        rows.map(([name, ...cells], row) => el("tr", {},
          el("th", { scope: "row" }, breakable(name)),
          cells.map((words, i) => el("td", { class: alignment(words) }, figureLink(store, words, choose({ title, name, row, head: columns[i + 1], column: i + 1, words }))))))))))));
}

/**
 * The class of a cell: words start at the left, numbers end at the right.
 * @param {string} [words]
 */
function alignment(words = "") {
  return /^\p{L}/u.test(words) ? "prose" : "";
}
