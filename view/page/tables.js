// The second tab: what an allowance costs, charts, tables.

import { compareCards } from "./compare_card.js";
import { makeAllowedCard } from "./allowed_card.js";
import { makeChartCards } from "./chart_cards.js";
import { precisionRecallChart } from "./charts.js";
import { precisionRecall } from "./curves.js";
import { el, keepFocus, kept, showChildren } from "./dom.js";
import { agreementCard, calibrationCard, typeMatrixCard } from "./image_cards.js";
import { measuredTables } from "./measured_tables.js";
import { shownRuns } from "./pair.js";
import { runCards } from "./run_card.js";
import { confusionCard, sizeCard, typeCard } from "./type_tables.js";

/**
 * Builds the content of the tab from the current results; parts that do not depend on a threshold are computed once.
 * @param {HTMLElement} place
 * @param {PageData} data
 * @param {Store} store
 * @param {Tallies} tallies
 */
export function makeTables(place, data, store, tallies) {
  /** @type {PrecisionRecall[][]} */
  let precisions = [];
  const charts = data.judging === "defects" ? data.types.map((_, type) => precisionRecallChart(data, type)) : [];
  let precisionsFor = "";
  const allowed = makeAllowedCard(data, store);
  const chartCards = makeChartCards(data, store);
  const cards = el("div", { class: "cards" });
  const { state } = store;
  const cardsOfRuns = kept(() => String(shownRuns(data, state)), () => runCards(data, shownRuns(data, state), store));
  const measured = kept(() => String(state.focus), () => (data.models[state.focus].tables.length > 0 ? [measuredTables(data, store)] : []));
  const show = (/** @type {() => (HTMLElement | false | null)[]} */ draw) => keepFocus(place, () => {
    showChildren(cards, draw().flatMap((one) => (one ? [one] : [])));
    showChildren(place, [cards, ...measured()]);
  });

  return function update(/** @type {Judged} */ judged, /** @type {Totals[]} */ sums) {
    const key = `${state.iou} ${state.by}`;
    if (charts.length && key !== precisionsFor) {
      precisions = data.models.map((_, m) => precisionRecall(data, m, state.iou, state.by));
      charts.forEach((chart, type) => { chart.draw(precisions.map((one) => one[type])); });
      precisionsFor = key;
    }
    const { focus } = state;
    if (data.judging !== "defects") {
      show(() => [...compareCards(data, store, judged, sums), agreementCard(data, store, judged),
        ...(data.judging === "types" ? [typeMatrixCard(data, store, judged), calibrationCard(data, store)] : []),
        allowed(), ...chartCards(sums), ...cardsOfRuns()]);
      return;
    }
    const types = data.models.map((_, m) => tallies.types(judged, m));
    charts.forEach((chart, type) => { chart.move(types.map((rows) => rows[type])); });
    show(() => [...compareCards(data, store, judged, sums), data.models.length > 2 && agreementCard(data, store, judged),
      allowed(), ...chartCards(sums), confusionCard(data, store, tallies.confusion(judged, focus)),
      typeCard(data, store, types[focus], precisions[focus]), sizeCard(data, store, tallies.sizes(judged, focus)),
      ...charts.map((chart) => chart.card), ...cardsOfRuns()]);
  };
}
