// The totals and tables of each run, which follow the thresholds.

import { bySize, byType, confusion, runSums, totals, typeRows, withTotals } from "./measure.js";
import { runningSum } from "./sums.js";

/**
 * Functions that give them from the current judgements; a value is changed by the next call.
 * @param {PageData} data
 * @returns {Tallies}
 */
export function makeTallies(data) {
  const matrices = data.models.map((_, m) => runningSum(data, confusion(data, m)));
  const types = data.models.map((_, m) => runningSum(data, byType(data, m)));
  const sizes = data.models.map(() => runningSum(data, bySize(data)));
  const sums = data.models.map(() => runningSum(data, runSums()));
  return {
    totals: (judged) => judged.map((run, m) => totals(sums[m]([run]))),
    confusion: (judged, m) => matrices[m]([judged[m]]),
    types: (judged, m) => typeRows(types[m]([judged[m]])),
    sizes: (judged, m) => withTotals(sizes[m]([judged[m]])),
  };
}
