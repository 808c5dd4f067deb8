// The two runs that are side by side; a page may have more.

/**
 * The numbers of the runs to show: all of one or two, else the chosen pair.
 * @param {PageData} data
 * @param {State} state
 * @returns {number[]}
 */
export function shownRuns(data, state) {
  return data.models.length > 2 ? state.pair : data.models.map((_, m) => m);
}

/**
 * The state after run `m` takes the place `side` of the pair; a run that is already on the other side changes places.
 * @param {State} state
 * @param {0 | 1} side
 * @param {number} m
 * @returns {Partial<State>}
 */
export function withRun(state, side, m) {
  const pair = /** @type {[number, number]} */ ([...state.pair]);
  if (pair[1 - side] === m) pair[1 - side] = pair[side];
  pair[side] = m;
  return { pair, focus: pair.includes(state.focus) ? state.focus : pair[0], cell: null };
}
