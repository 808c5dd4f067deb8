// Switch groups of layers on and off.

import { LAYERS } from "./state.js";

/**
 * Hide the layers of a group if one of them is shown, else show those that a new page shows.
 * @param {Store} store
 * @param {(layer: string) => boolean} wanted
 */
export function toggleLayers(store, wanted) {
  const { layers } = store.state;
  const members = LAYERS.filter(wanted);
  const usual = store.initial.layers.filter(wanted);
  const shown = usual.length ? usual : members;
  store.change({ layers: isShown(store, wanted) ? layers.filter((layer) => !wanted(layer)) : [...layers, ...shown] });
}

/**
 * Whether a layer of a group is shown.
 * @param {Store} store
 * @param {(layer: string) => boolean} wanted
 */
export function isShown(store, wanted) {
  return store.state.layers.some(wanted);
}
