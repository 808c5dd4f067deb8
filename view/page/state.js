// The settings of the reader, stored in the address after #, so that a view can be shared.

import { START_COSTS } from "./cost.js";
import { DEFAULT_THRESHOLD } from "./judge.js";

export const LAYERS = ["truth-boxes", "truth-masks", "truth-outlines", "truth-labels",
  "prediction-boxes", "prediction-masks", "prediction-outlines", "prediction-labels", "map"];

const ADDRESS_MILLISECONDS = 150;
const MAX_NOTES_IN_ADDRESS = 1500; // characters; mail programs break longer addresses

/**
 * The state of a new page: thresholds at the operating points, everything shown.
 * @param {PageData} data
 * @returns {State}
 */
export function startState(data) {
  return {
    tab: "images",
    thresholds: data.models.map((model) => (model.foldThresholds.length ? null : model.threshold ?? DEFAULT_THRESHOLD)),
    iou: 0.5,
    by: "boxes",
    focus: 0,
    show: [],
    types: [],
    sizes: [],
    text: "",
    cell: null,
    sort: "name",
    falling: false,
    hidden: [],
    layers: startLayers(data),
    opacity: 0.5,
    mapOpacity: 0.6,
    mapThreshold: 0,
    decide: "threshold",
    abstain: 0,
    tile: 230,
    theme: "auto",
    corner: false,
    pair: [0, Math.min(1, Math.max(0, data.models.length - 1))],
    costs: START_COSTS,
    ghosts: false,
    language: "",
    notes: data.notes ?? {},
    image: null,
  };
}

/**
 * Whether notes are short enough to be kept in the address.
 * @param {Record<string, string>} notes
 */
export function fitsAddress(notes) {
  return JSON.stringify(notes).length <= MAX_NOTES_IN_ADDRESS;
}

/**
 * Masks and outlines where they exist, boxes where they do not.
 * @param {PageData} data
 */
function startLayers(data) {
  const masked = (/** @type {Item[]} */ items) => items.some((item) => item.counts !== null);
  const truth = data.images.some((image) => masked(image.shapes));
  const predicted = data.images.some((image) => image.runs.some((run) => masked(run.predictions)));
  if (!data.models.length) return LAYERS.filter((layer) => layer.startsWith("truth") && (!truth || layer !== "truth-boxes"));
  const left = predicted ? ["truth-masks", "truth-boxes", "prediction-boxes"] : ["truth-masks"];
  if (truth && data.judging !== "defects") left.push("truth-boxes");
  if (data.models.some(({ mapKind }) => mapKind)) left.push("prediction-masks"); // two colours on one place are neither
  return LAYERS.filter((layer) => !left.includes(layer));
}

/**
 * @param {PageData} data
 * @returns {Store}
 */
export function makeStore(data) {
  const initial = startState(data);
  const state = { ...startState(data), ...readAddress(location.hash || data.address || "", initial) };
  /** @type {((keys: Set<StateKey>) => void)[]} */
  const listeners = [];
  /** @type {Store} */
  const store = {
    state,
    initial,
    listen(listener) {
      listeners.push(listener);
    },
    /** Set the values of `patch`, update the address, and report the changed keys to all listeners. */
    change(patch) {
      Object.assign(state, patch);
      keepAddress(state, initial);
      const keys = new Set(/** @type {StateKey[]} */ (Object.keys(patch)));
      for (const listener of listeners) listener(keys);
    },
    flush: () => writeNow(state, initial),
  };
  window.addEventListener("hashchange", () => {
    const read = readAddress(location.hash, initial);
    store.change({ ...startState(data), ...read, notes: { ...state.notes, ...read.notes } });
  });
  return store;
}

/**
 * The address part of a state: only the values that differ from the initial state.
 * @param {State} state
 * @param {State} initial
 */
export function writeAddress(state, initial) {
  const parts = new URLSearchParams();
  for (const key of /** @type {StateKey[]} */ (Object.keys(state))) {
    const value = state[key];
    if (key === "notes" && !fitsAddress(state.notes)) continue;
    const text = JSON.stringify(value);
    if (text !== JSON.stringify(initial[key])) parts.set(key, typeof value === "string" ? value : text);
  }
  return parts.toString();
}

/**
 * The state in an address; unknown keys and values that do not fit are left out.
 * @param {string} hash
 * @param {State} initial
 * @returns {Partial<State>}
 */
export function readAddress(hash, initial) {
  /** @type {Record<string, unknown>} */
  const read = {};
  for (const [key, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!isStateKey(key, initial)) continue;
    const value = readValue(key, text, initial[key]);
    if (value !== undefined && (ALLOWED[key]?.(value, initial) ?? true)) read[key] = value;
  }
  return read;
}

/**
 * @param {string} key
 * @param {State} initial
 * @returns {key is StateKey}
 */
function isStateKey(key, initial) {
  return key in initial;
}

/**
 * @param {number} lowest
 * @param {number} largest
 */
function between(lowest, largest) {
  return (/** @type {unknown} */ value) => typeof value === "number" && value >= lowest && value <= largest;
}

/** @param {unknown[]} values */
function oneOf(...values) {
  return (/** @type {unknown} */ value) => values.includes(value);
}

/**
 * Tests of the keys for which not every value of the right type is allowed.
 * @type {Partial<Record<StateKey, (value: unknown, initial: State) => boolean>>}
 */
const ALLOWED = {
  notes: (value) => Object.values(/** @type {object} */ (value)).every((words) => typeof words === "string"),
  tab: oneOf("images", "tables"),
  by: oneOf("boxes", "masks"),
  theme: oneOf("auto", "light", "dark"),
  pair: (value, initial) => Array.isArray(value) && value.length === 2 && value[0] !== value[1] && value.every((m) => Number.isInteger(m) && m >= 0 && m < initial.thresholds.length),
  costs: (value) => Array.isArray(value) && value.length === 2 && value.every((cost) => cost >= 0),
  iou: between(0.1, 0.95),
  opacity: between(0, 1),
  mapOpacity: between(0, 1),
  mapThreshold: between(0, 1),
  decide: oneOf("threshold", "probable"),
  abstain: between(0, 1),
  tile: between(120, 520),
  focus: (value, initial) => Number.isInteger(value) && between(0, Math.max(0, initial.thresholds.length - 1))(value),
};

/**
 * The value of `text`, undefined if it does not have the type of `example`.
 * @param {StateKey} key
 * @param {string} text
 * @param {unknown} example
 */
function readValue(key, text, example) {
  if (typeof example === "string" || key === "image") return text;
  /** @type {unknown} */
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (key === "cell") return Array.isArray(value) && value.length === 3 ? value : undefined;
  if (value === null) return undefined;
  if (Array.isArray(example) || Array.isArray(value)) return Array.isArray(example) && fitsList(key, value, example) ? value : undefined;
  return typeof value === typeof example ? value : undefined;
}

/**
 * @param {StateKey} key
 * @param {unknown} value
 * @param {unknown[]} example
 */
function fitsList(key, value, example) {
  if (!Array.isArray(value)) return false;
  if (key === "thresholds") return value.length === example.length && value.every((v, m) => typeof v === "number" || v === example[m]);
  const wanted = ["types", "hidden", "pair", "costs"].includes(key) ? "number" : "string";
  return value.every((v) => typeof v === wanted);
}

let pending = 0;

/**
 * Write the address after a short delay: a slider causes more changes than browsers allow (about a hundred in a few
 * seconds).
 * @param {State} state
 * @param {State} initial
 */
function keepAddress(state, initial) {
  clearTimeout(pending);
  pending = setTimeout(() => writeNow(state, initial), ADDRESS_MILLISECONDS);
}

/**
 * @param {State} state
 * @param {State} initial
 */
function writeNow(state, initial) {
  clearTimeout(pending);
  const address = writeAddress(state, initial);
  history.replaceState(null, "", address ? `#${address}` : location.pathname + location.search);
}
