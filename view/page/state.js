// What the person has set, kept in the address after # so that a view can be shared.

export const LAYERS = ["truth-boxes", "truth-masks", "truth-outlines", "truth-labels",
  "prediction-boxes", "prediction-masks", "prediction-outlines", "prediction-labels"];

/** The state a page starts with: thresholds at the operating points, everything shown. */
export function startState(data) {
  return {
    tab: "images",
    thresholds: data.models.map((model) => (model.foldThresholds.length ? null : model.threshold ?? 0.25)),
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
    tile: 230,
    theme: "auto",
    image: null,
  };
}

// Masks and outlines where there are some, boxes where there are not: the least that says it all.
function startLayers(data) {
  const masked = (items) => items.some((item) => item.counts !== null);
  const truth = data.images.some((image) => masked(image.truths));
  const found = data.images.some((image) => image.runs.some((run) => masked(run.predictions)));
  if (!data.models.length) return LAYERS.filter((layer) => layer.startsWith("truth") && (!truth || layer !== "truth-boxes"));
  const left = found ? ["truth-masks", "truth-boxes", "prediction-boxes"] : ["truth-masks"];
  return LAYERS.filter((layer) => !left.includes(layer));
}

export function makeStore(data) {
  const initial = startState(data);
  const state = { ...startState(data), ...readAddress(location.hash, initial) };
  const listeners = [];
  const store = {
    state,
    initial,
    listen: (listener) => listeners.push(listener),
    /** Take over the values of `patch`, keep the address true, tell everyone which keys changed. */
    change(patch) {
      Object.assign(state, patch);
      keepAddress(state, initial);
      const keys = new Set(Object.keys(patch));
      for (const listener of listeners) listener(keys);
    },
  };
  window.addEventListener("hashchange", () => {
    store.change({ ...startState(data), ...readAddress(location.hash, initial) });
  });
  return store;
}

/** The address part of a state: only what differs from the start. */
export function writeAddress(state, initial) {
  const parts = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    const text = JSON.stringify(value);
    if (text !== JSON.stringify(initial[key])) parts.set(key, typeof value === "string" ? value : text);
  }
  return parts.toString();
}

/** The state an address tells of; what is unknown or of another kind is left out. */
export function readAddress(hash, initial) {
  const found = {};
  for (const [key, text] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (!(key in initial)) continue;
    const value = readValue(key, text, initial[key]);
    if (value !== undefined && (ALLOWED[key]?.(value, initial) ?? true)) found[key] = value;
  }
  return found;
}

// What may stand in an address for the keys that not every value of their kind fits.
const ALLOWED = {
  tab: (value) => ["images", "tables"].includes(value),
  by: (value) => ["boxes", "masks"].includes(value),
  theme: (value) => ["auto", "light", "dark"].includes(value),
  iou: (value) => value >= 0.1 && value <= 0.95,
  opacity: (value) => value >= 0 && value <= 1,
  tile: (value) => value >= 120 && value <= 520,
  focus: (value, initial) => value >= 0 && value < Math.max(1, initial.thresholds.length) && Number.isInteger(value),
};

function readValue(key, text, example) {
  if (typeof example === "string" || key === "image") return text;
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (key === "cell") return Array.isArray(value) && value.length === 3 ? value : undefined;
  if (Array.isArray(example)) return fitsList(key, value, example) ? value : undefined;
  return typeof value === typeof example ? value : undefined;
}

function fitsList(key, value, example) {
  if (!Array.isArray(value)) return false;
  if (key === "thresholds") return value.length === example.length && value.every((v, m) => typeof v === "number" || v === example[m]);
  const wanted = key === "types" || key === "hidden" ? "number" : "string";
  return value.every((v) => typeof v === wanted);
}

let pending = 0;

// Browsers refuse more than a hundred address changes in some seconds, so a slider's are gathered.
function keepAddress(state, initial) {
  clearTimeout(pending);
  pending = setTimeout(() => {
    const text = writeAddress(state, initial);
    history.replaceState(null, "", text ? `#${text}` : location.pathname + location.search);
  }, 150);
}
