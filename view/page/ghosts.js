// Ghosts: predictions below the threshold, drawn on request.

import { checkbox } from "./dom.js";
import { text } from "./language.js";

const MAX_GHOSTS = 5; // of an image; a detector may have hundreds of faint ones

/**
 * The best predictions of a run that do not count, none unless the reader asks for them.
 * @param {PageImage} image
 * @param {number | null} model
 * @param {Judgement | null} judgement
 * @param {State} state
 * @returns {Prediction[]}
 */
export function ghostsOf(image, model, judgement, state) {
  if (!state.ghosts || model === null || !judgement) return [];
  return image.runs[model].predictions.slice(judgement.count, judgement.count + MAX_GHOSTS);
}

/** @param {Store} store */
export function ghostToggle(store) {
  const { root, input } = checkbox(text("layer.ghosts"), (ghosts) => store.change({ ghosts }), { id: "ghosts" });
  return { root, update: () => { input.checked = store.state.ghosts; } };
}
