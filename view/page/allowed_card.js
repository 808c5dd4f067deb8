// The card that answers what zero misses cost: allowances, their thresholds and their exact intervals.

import { alarmsAllowed, fewestMisses, imageScores, missesAllowed } from "./allowed.js";
import { card, runSuffix } from "./cards.js";
import { button, el, kept } from "./dom.js";
import { binomialInterval, intervalText } from "./interval.js";
import { text } from "./language.js";

/**
 * Builds the card of a run; its numbers do not depend on the threshold and are computed once.
 * @param {PageData} data
 * @param {Store} store
 */
export function makeAllowedCard(data, store) {
  const runs = data.models.map((_, m) => {
    const scores = imageScores(data, m);
    const silent = scores.defective.filter((score) => score === 0).length;
    const fewest = fewestMisses(data, m, scores);
    const steps = missesAllowed(data, m, scores);
    const missed = fewest && !steps.some(({ allowed }) => allowed === fewest.allowed) ? [...steps, fewest].sort((a, b) => a.allowed - b.allowed) : steps;
    return { defective: scores.defective.length, good: scores.good.length, silent,
      misses: missed, alarms: alarmsAllowed(data, m, scores) };
  });
  const chosen = () => {
    const { misses, alarms } = runs[store.state.focus];
    const threshold = store.state.thresholds[store.state.focus];
    return [...misses, ...alarms].find((one) => one.threshold !== null && Number(one.threshold) === threshold)?.threshold ?? "";
  };
  return kept(() => `${store.state.focus} ${chosen()}`, () => {
    const m = store.state.focus;
    const { defective, good, silent, misses, alarms } = runs[m];
    const rows = (/** @type {Allowance[]} */ list, /** @type {string} */ why) =>
      list.map((one) => allowanceRow(store, m, one, { defective, good, why }));
    const floor = data.models[m].floor;
    const none = [text("allowed.unreachable", { n: silent }), floor > 0 && text("allowed.floor", { floor })].filter(Boolean).join("; ");
    return card(`${text("allowed.title")}${runSuffix(data, store)}`, text("allowed.hint"),
      table("misses", text("allowed.misses"), rows(misses, none)),
      good ? table("alarms", text("allowed.alarms"), rows(alarms, text("allowed.loud"))) : el("p", { class: "hint" }, text("allowed.no_good")),
      el("p", { class: "hint" }, text("allowed.note")));
  });
}

/**
 * @param {string} key
 * @param {string} first
 * @param {HTMLElement[]} rows
 */
function table(key, first, rows) {
  const heads = [first, text("threshold"), text("images_missed"), text("false_alarms")];
  return el("div", { class: "scroll" }, el("table", { class: "plain allowed", "data-table": key },
    el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), el("tbody", {}, rows)));
}

/**
 * @param {Store} store
 * @param {number} m
 * @param {Allowance} one
 * @param {{defective: number, good: number, why: string}} of
 */
function allowanceRow(store, m, { allowed, threshold, missed, alarms }, { defective, good, why }) {
  const head = el("th", { scope: "row" }, allowed);
  if (threshold === null) return el("tr", { class: "unreachable" }, head, el("td", { colspan: 3 }, why));
  const set = (/** @type {Partial<State>} */ patch) => {
    const thresholds = [...store.state.thresholds];
    thresholds[m] = Number(threshold);
    store.change({ thresholds, ...patch });
  };
  const show = (/** @type {string} */ kind) => () => set({ show: [kind], cell: null, tab: "images" });
  const on = store.state.thresholds[m] === Number(threshold);
  const rate = (/** @type {number} */ n, /** @type {number} */ whole, /** @type {string} */ kind, /** @type {string} */ name) =>
    el("td", {}, n ? button(n, show(kind), { title: text("show_images"), "data-kind": kind, "aria-label": `${n} ${name}` }) : el("span", { class: "none" }, "0"),
      el("span", { class: "hint" }, ` ${text("of", { whole })}, `, el("span", { class: "unbroken" }, intervalText(binomialInterval(n, whole)))));
  return el("tr", { class: on ? "current" : "" }, head,
    el("td", {}, button(threshold, () => set({}), { "aria-pressed": String(on), title: text("allowed.set") })),
    rate(missed, defective, "missed", text("images_missed")),
    good ? rate(alarms, good, "alarm", text("false_alarms")) : el("td", {}, "–"));
}
