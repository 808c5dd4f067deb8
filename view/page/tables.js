// The second tab: curves, the confusion of types, and tables per type and size.

import { button, el } from "./dom.js";
import { missAlarmChart, precisionRecallChart } from "./charts.js";
import { LETTERS, count, fixed, percent, pointWords, score } from "./format.js";
import { SIZES, bySize, byType, confusion, missAlarmCurve, operatingCounts, precisionRecall, rankedPredictions } from "./measure.js";
import { signIcon } from "./types.js";


/** Makes the tab's content from the present results; what does not hang on a threshold is worked out once. */
export function makeTables(place, data, store) {
  const curves = data.models.map((_, m) => ({ points: missAlarmCurve(data, m), operating: operatingCounts(data, m) }));
  const ranked = data.models.map((_, m) => rankedPredictions(data, m));
  let precisions = null;
  let charts = [];
  let precisionsFor = "";

  return function update(judged, sums) {
    const { state } = store;
    const key = `${state.iou} ${state.by}`;
    if (key !== precisionsFor) {
      precisions = data.models.map((_, m) => precisionRecall(data, m, ranked[m], state.iou, state.by));
      charts = data.types.map((_, type) => precisionRecallChart(data, type, precisions.map((one) => one[type])));
      precisionsFor = key;
    }
    const types = data.models.map((_, m) => byType(data, m, judged[m]));
    const { focus } = state;
    place.replaceChildren(
      el("div", { class: "cards" },
        missAlarms(data, store, curves, sums),
        confusionCard(data, store, confusion(data, focus, judged[focus])),
        typeCard(data, store, types[focus], precisions[focus]),
        sizeCard(data, store, bySize(data, judged[focus])),
        charts.map((chart, type) => chart(types.map((one) => one[type])))),
      data.models[focus].tables.length > 0 && measuredTables(data, store));
  };
}

/** The tables of metrics.json as `evaluate` makes them, unlike the cards above not affected by the page's thresholds. */
function measuredTables(data, store) {
  const { tables } = data.models[store.state.focus];
  return el("section", { class: "measured" },
    el("h2", {}, `Measured on test, as in metrics.json${runSuffix(data, store)}`),
    el("div", { class: "cards" }, tables.map(({ title, columns, rows, note }) => el("figure", { class: "card", title: note },
      el("figcaption", {}, el("strong", {}, title)),
      el("div", { class: "scroll" }, el("table", { class: "plain" },
        el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name))),
        rows.map(([name, ...cells]) => el("tr", {},
          el("th", { scope: "row" }, name), cells.map((text) => el("td", {}, text))))))))));
}

function card(title, hint, ...children) {
  return el("figure", { class: "card" }, el("figcaption", {}, el("strong", {}, title), hint && el("span", { class: "hint" }, ` ${hint}`)), ...children);
}

function runSuffix(data, store) {
  return data.models.length > 1 ? ` of run ${LETTERS[store.state.focus]}` : "";
}

function missAlarms(data, store, curves, sums) {
  const take = (m, threshold) => {
    const thresholds = [...store.state.thresholds];
    thresholds[m] = threshold;
    store.change({ thresholds });
  };
  if (!sums[0].good) {
    return card("Misses and false alarms", "", el("p", {}, "No good image in this split, so false alarms cannot be counted."));
  }
  return card("Misses against false alarms", "click a point to take its threshold",
    missAlarmChart(data, curves, sums, take),
    el("p", { class: "hint" }, data.models.map((model, m) => el("span", { class: `key run-${m}` },
      data.models.length > 1 ? `${LETTERS[m]} ${model.name} ` : "",
      `● now ${store.state.thresholds[m] === null ? pointWords(model) : score(store.state.thresholds[m])}`,
      model.threshold === null ? "" : ` ▲ operating point ${pointWords(model)}`,
      model.foldThresholds.length ? "; the line is what one threshold for all folds would give" : ""))));
}

function confusionCard(data, store, matrix) {
  const none = data.types.length;
  const head = (i, nothing) => (i === none ? nothing : [signIcon(data, i), breakable(data.types[i].name)]);
  const columns = [...data.types.keys(), none];
  const most = Math.max(1, ...matrix.flat().map((cell) => cell.count));
  const cell = (row, column) => {
    if (row === none && column === none) return el("td", { class: "empty" });
    const td = el("td", { class: row === column ? "diagonal" : "" }, link(store, matrix[row][column], ["confusion", row, column]));
    td.style.setProperty("--share", (matrix[row][column].count / most).toFixed(3));
    return td;
  };
  return card(`Type confusion${runSuffix(data, store)}`, "matched whatever the type; click a cell for its images",
    el("div", { class: "scroll" }, el("table", { class: "confusion" },
      el("tr", {}, el("th", {}, "truth ↓ · predicted →"), columns.map((c) => el("th", { scope: "col" }, head(c, "not found")))),
      columns.map((r) => el("tr", {}, el("th", { scope: "row" }, head(r, "nothing there")), columns.map((c) => cell(r, c)))))));
}

function typeCard(data, store, rows, ranked) {
  const cell = (row, type, what) => el("td", {}, link(store, row[what], ["type", type, what]));
  return card(`By defect type${runSuffix(data, store)}`, `at IoU ${store.state.iou.toFixed(2)} of ${store.state.by}`,
    el("div", { class: "scroll" }, el("table", { class: "plain" },
      el("tr", {}, ["Type", "All", "Found", "Not found", "False", "Precision", "Recall", "AP"].map((h) => el("th", { scope: "col" }, h))),
      rows.map((row, type) => el("tr", {},
        el("th", { scope: "row" }, signIcon(data, type), data.types[type].name),
        ["truths", "found", "unfound", "wrong"].map((what) => cell(row, type, what)),
        el("td", {}, percent(row.precision, 1)), el("td", {}, percent(row.recall, 1)), el("td", {}, fixed(ranked[type].ap, 3)))))));
}

function sizeCard(data, store, rows) {
  const cell = ({ truths, unfound }, row, column) => {
    if (!truths.count) return el("td", { class: "zero" }, "–");
    const td = el("td", {}, link(store, unfound, ["unfound", row, column]), " of ", link(store, truths, ["size", row, column]));
    td.style.setProperty("--share", (unfound.count / truths.count).toFixed(3));
    return td;
  };
  return card(`Not found, by type and size${runSuffix(data, store)}`, "sizes of COCO: areas below 32² and 96² pixels, and larger",
    el("div", { class: "scroll" }, el("table", { class: "confusion sizes" },
      el("tr", {}, ["Type", ...SIZES, "all"].map((h) => el("th", { scope: "col" }, h))),
      rows.map((cells, row) => el("tr", {},
        el("th", { scope: "row" }, row < data.types.length ? [signIcon(data, row), data.types[row].name] : "all"),
        cells.map((one, column) => cell(one, row, column)))))));
}

/** The number of a tally as a button that shows its images. */
function link(store, { count: number }, cell) {
  if (!number) return el("span", { class: "zero" }, "0");
  const key = JSON.stringify(cell);
  const on = JSON.stringify(store.state.cell) === key;
  return button(String(number), () => store.change({ cell: on ? null : cell, tab: "images" }),
    { "aria-pressed": String(on), title: "Show these images", "data-cell": cell.join() });
}

// A name that may go over several lines after its underscores and hyphens.
function breakable(name) {
  return name.split(/(?<=[_-])/).flatMap((part, i) => (i ? [el("wbr"), part] : [part]));
}

/** What a clicked cell says, for the bar above the grid. */
export function cellWords(data, [table, row, column]) {
  const none = data.types.length;
  const name = (i) => data.types[i]?.name ?? "all types";
  if (table === "type") {
    return { truths: name(row), found: `${name(row)} found`, unfound: `${name(row)} not found`, wrong: `${name(row)} predicted wrongly` }[column] ?? "";
  }
  if (table !== "confusion") return `${SIZES[column] ?? "all sizes"}, ${name(row)}${table === "unfound" ? ", not found" : ""}`;
  if (row === none) return `${name(column)} predicted where nothing is`;
  return column === none ? `${name(row)} not found` : `${name(row)} predicted as ${name(column)}`;
}

/** How many images are in a selection, for people. */
export function selectionWords(shown, all) {
  return shown === all ? count(all, "image") : `${shown.toLocaleString("en")} of ${count(all, "image")}`;
}
