// Cards about whole images: the matrix of image types, the calibration curve, and the agreement of two runs.

import { AGREEMENTS, agreementImages, disagreementImages } from "./agreement.js";
import { SHARES, axes } from "./axes.js";
import { breakable, card, link, runSuffix } from "./cards.js";
import { el, svg } from "./dom.js";
import { LETTERS, fixed, percent } from "./format.js";
import { binOf, typeMatrix } from "./image_types.js";
import { binomialInterval, intervalText } from "./interval.js";
import { text } from "./language.js";
import { signIcon } from "./types.js";

const MIN_RADIUS = 4; // pixels, of a point of the calibration curve
const MAX_RADIUS = 15;

/**
 * @param {PageData} data
 * @param {Store} store
 * @param {Judged} judged
 */
export function typeMatrixCard(data, store, judged) {
  const { state } = store;
  const { focus, abstain } = state;
  const matrix = typeMatrix(data, state, focus, judged[focus]);
  const names = [text("figure.good"), ...data.types.map(({ name }) => name)];
  const columns = [...names.keys(), ...(abstain > 0 ? [names.length] : [])];
  const head = (/** @type {number} */ i) => (i === names.length ? text("types.abstained")
    : i ? [signIcon(data, i - 1), breakable(names[i])] : names[0]);
  const largest = Math.max(1, ...matrix.flat().map(({ size }) => size));
  const all = matrix.flat().reduce((sum, { size }) => sum + size, 0);
  const left = matrix.reduce((sum, row) => sum + row[names.length].size, 0);
  const right = matrix.reduce((sum, row, i) => sum + row[i].size, 0);
  const decided = all - left;
  return card(`${text("types.title")}${runSuffix(data, store)}`, text("confusion.corner"),
    el("div", { class: "scroll" }, el("table", { class: "confusion types" },
      el("tr", {}, el("th"), columns.map((c) => el("th", { scope: "col" }, head(c)))),
      matrix.map((row, r) => el("tr", {}, el("th", { scope: "row" }, head(r)), columns.map((c) => {
        const td = el("td", { class: r === c ? "diagonal" : "" }, link(store, { count: row[c].size, images: null }, ["image_type", r, c]));
        td.style.setProperty("--share", (row[c].size / largest).toFixed(3));
        return td;
      }))))),
    el("p", { id: "types-right" }, text("types.right", { n: right, whole: decided, share: percent(right, decided), range: intervalText(binomialInterval(right, decided)) }),
      abstain > 0 ? ` · ${text("types.left", { n: left, whole: all })}` : ""));
}

/**
 * Share of right types against probability, from the numbers of metrics.json; null if the run has none.
 * @param {PageData} data
 * @param {Store} store
 */
export function calibrationCard(data, store) {
  const { calibration, calibrationError } = data.models[store.state.focus];
  if (!calibration.length) return null;
  const { root, at } = axes({ max: 1, ticks: SHARES, label: text("calibration.x") }, { max: 1, ticks: SHARES, label: text("calibration.y") });
  root.setAttribute("role", "group"); // not an image: its points are buttons
  root.setAttribute("aria-label", text("calibration.title"));
  const largest = Math.max(...calibration.map(([images]) => images));
  const [start, end] = [at(0, 0), at(1, 1)];
  root.append(svg("path", { class: "gridline ideal", d: `M${start.join(" ")}L${end.join(" ")}` }));
  for (const [images, probability, share] of calibration) {
    const [cx, cy] = at(probability, share);
    const [low, high] = binomialInterval(Math.round(share * images), images) ?? [share, share];
    const words = text("calibration.point", { n: images, probability: probability.toFixed(3), share: percent(share, 1) });
    const show = () => store.change({ cell: ["calibration", binOf(probability), "all"], tab: "images" });
    root.append(
      svg("path", { class: "whisker", d: `M${at(probability, low).join(" ")}L${at(probability, high).join(" ")}` }),
      svg("circle", { class: "bin", cx, cy, r: Math.max(MIN_RADIUS, MAX_RADIUS * Math.sqrt(images / largest)), role: "button", tabindex: 0, "aria-label": words,
        "data-images": images, onclick: show,
        onkeydown: (/** @type {KeyboardEvent} */ event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); show(); } } }, svg("title", {}, words)),
      svg("text", { x: cx, y: cy - 18, "text-anchor": "middle" }, images));
  }
  return card(`${text("calibration.title")}${runSuffix(data, store)}`, text("calibration.error", { value: fixed(calibrationError, 3) }), root,
    el("p", { class: "hint" }, text("calibration.note")));
}

/**
 * Which of two runs is wrong on which images; null for a single run.
 * @param {PageData} data
 * @param {Store} store
 * @param {Judged} judged
 */
export function agreementCard(data, store, judged) {
  if (judged.length < 2) return null;
  const { pair } = store.state;
  const cell = (/** @type {number} */ row, /** @type {string} */ column) =>
    el("td", {}, link(store, { count: agreementImages(data, judged, store.state, row, column).size, images: null }, ["agreement", row, column]));
  return card(text("agreement.title"), text("agreement.hint"),
    el("table", { class: "plain agreement" },
      el("tr", {}, el("th"), ["missed", "alarm"].map((column) => el("th", { scope: "col" }, text(`figure.${column}`)))),
      AGREEMENTS.map(([key], row) => el("tr", {}, el("th", { scope: "row" }, text(`agreement.${key}`, { first: LETTERS[pair[0]], second: LETTERS[pair[1]] })), cell(row, "missed"), cell(row, "alarm")))),
    data.models.length > 2 && disagreementTable(data, store, judged),
    el("p", { class: "hint" }, (data.models.length > 2 ? [...data.models.keys()] : pair).map((m) => el("span", { class: `key run-${m}` }, `${LETTERS[m]} ${data.models[m].name}`))));
}

/**
 * All pairs of more than two runs: the images that the run of the row gets wrong and the run of the column right.
 * @param {PageData} data
 * @param {Store} store
 * @param {Judged} judged
 */
function disagreementTable(data, store, judged) {
  const runs = [...data.models.keys()];
  return [el("h3", {}, text("disagreement.title")),
    el("div", { class: "scroll" }, el("table", { class: "plain disagreement" },
      el("tr", {}, el("th"), runs.map((b) => el("th", { scope: "col" }, text("disagreement.right", { run: LETTERS[b] })))),
      runs.map((a) => el("tr", {}, el("th", { scope: "row" }, text("disagreement.wrong", { run: LETTERS[a] })), runs.map((b) =>
        el("td", {}, link(store, { count: disagreementImages(data, judged, a, b).size, images: null }, ["disagreement", a, b]))))))),
    el("p", { class: "hint" }, text("disagreement.note"))];
}
