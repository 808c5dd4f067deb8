// Descriptions of whole images: the answer of a classifier, and its probabilities.

import { choice, el, section, slider } from "./dom.js";
import { LETTERS } from "./format.js";
import { ABSTAINED, GOOD, answer, trueType, typeProbabilities } from "./image_types.js";
import { text } from "./language.js";
import { shownRuns } from "./pair.js";
import { signIcon } from "./types.js";

/**
 * The line under a tile: the answer of each run with its probability, and the true type if one of them is wrong.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {Judged} judged
 * @param {State} state
 * @returns {import("./words.js").Caption}
 */
export function typeCaption(data, image, judged, state) {
  const truth = trueType(image);
  const runs = shownRuns(data, state);
  const answers = runs.map((m) => answer(state, image, m, judged[m][image.index]));
  const words = answers.map((found, i) => {
    const m = runs[i];
    const { good, top, highest } = typeProbabilities(image, m);
    const probability = found === ABSTAINED ? highest : found === GOOD ? good : top;
    return `${judged.length > 1 ? `${LETTERS[m]} ` : ""}${typeName(data, found)} ${probability.toFixed(2)}`;
  });
  if (!data.hasTruth) return { words: words.join(" · "), mood: answers[0] === GOOD ? "plain" : "warn" };
  const last = answers[answers.length - 1];
  const bad = last !== ABSTAINED && (truth === GOOD) !== (last === GOOD);
  const wrong = answers.some((found) => found !== truth);
  return { words: `${words.join(" · ")}${wrong ? ` ≠ ${typeName(data, truth)}` : ""}`, mood: last === truth ? "good" : bad ? "bad" : "warn" };
}

/**
 * The probability of each type, as text of the large view.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {number} model
 */
export function typeList(data, image, model) {
  const { good } = typeProbabilities(image, model);
  const rows = [{ type: GOOD, score: good }, ...image.runs[model].predictions].sort((a, b) => b.score - a.score);
  const heading = data.models.length > 1 ? `${text("types.probabilities")} ${LETTERS[model]}` : text("types.probabilities");
  return el("section", {}, el("h3", {}, heading), el("ol", { class: "probabilities" }, rows.map(({ type, score }) => {
    const row = el("li", { class: data.hasTruth && type === trueType(image) ? "true" : "" },
      type === GOOD ? "" : signIcon(data, type), el("span", { class: "name" }, typeName(data, type),
        data.hasTruth && type === trueType(image) ? ` (${text("truth")})` : ""), el("output", {}, score.toFixed(3)));
    row.style.setProperty("--share", score.toFixed(4));
    return row;
  })));
}

/**
 * @param {PageData} data
 * @param {number} type
 */
function typeName(data, type) {
  return type === ABSTAINED ? text("types.abstained") : type === GOOD ? text("caption.good") : data.types[type].name;
}

/**
 * How the type of an image is decided, and below which probability the run abstains.
 * @param {Store} store
 * @returns {Control}
 */
export function typeDecision(store) {
  /** @type {[State["decide"], string][]} */
  const rules = [["threshold", text("types.by_threshold")], ["probable", text("types.by_probability")]];
  const rule = choice(text("types.decide"), rules, () => store.state.decide, (decide) => store.change({ decide }));
  const limit = slider("abstain", text("types.abstain"), { min: 0, max: 1, step: 0.01, value: 0, onmove: (abstain) => store.change({ abstain }) });
  const value = el("output", { for: "abstain" });
  return {
    root: section(text("types.title"), rule.root,
      el("div", { class: "row" }, el("label", { for: "abstain", title: text("types.abstain_hint") }, text("types.abstain")), value), limit,
      el("p", { class: "hint" }, text("types.note"))),
    update() {
      rule.update();
      limit.value = String(store.state.abstain);
      value.textContent = store.state.abstain.toFixed(2);
    },
  };
}
