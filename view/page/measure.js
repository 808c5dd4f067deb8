// Totals, curves and tables at the present thresholds, with the definitions of evaluate/.

import { countAbove, crossType, judgeImage, matchPredictions, operatingThreshold, thresholdFor } from "./judge.js";

export const SIZES = ["small", "medium", "large"];

/** COCO's size classes: areas below 32 x 32 pixels, below 96 x 96, and above. */
export function sizeOf(area) {
  return area < 32 * 32 ? "small" : area < 96 * 96 ? "medium" : "large";
}

/**
 * By model, then by image. Of the judgements of `before` those are kept, as the same objects, for which nothing changed:
 * a move of the confidence changes few images.
 */
export function judgeAll(data, state, before = []) {
  const { iou, by } = state;
  return data.models.map((_, m) => data.images.map((image, i) => {
    const count = countAbove(image.runs[m].predictions, thresholdFor(data, state, m, image));
    const old = before[m]?.[i];
    return old && old.count === count && old.iou === iou && old.by === by ? old : judgeImage(image, m, count, iou, by);
  }));
}

export function ratio(part, whole) {
  return whole ? part / whole : null;
}

export function totals(data, judged) {
  const sum = { found: 0, wrong: 0, unfound: 0, missed: 0, alarms: 0, defective: 0, good: 0 };
  judged.forEach((one, i) => {
    sum.found += one.right;
    sum.wrong += one.wrong;
    sum.unfound += one.unfound;
    sum.missed += one.miss ? 1 : 0;
    sum.alarms += one.alarm ? 1 : 0;
    sum[data.images[i].good ? "good" : "defective"] += 1;
  });
  sum.precision = ratio(sum.found, sum.found + sum.wrong);
  sum.recall = ratio(sum.found, sum.found + sum.unfound);
  return sum;
}

/** Misses and false alarms for every image score as threshold: [{threshold, missed, alarms}], rising. */
export function missAlarmCurve(data, model) {
  const defective = [];
  const good = [];
  for (const image of data.images) {
    const [first] = image.runs[model].predictions;
    (image.good ? good : defective).push(first ? first.score : 0);
  }
  defective.sort((a, b) => a - b);
  good.sort((a, b) => a - b);
  const levels = [...new Set([...defective, ...good].filter((s) => s > 0))].sort((a, b) => a - b);
  let missed = 0;
  let quiet = 0;
  return levels.map((threshold) => {
    while (missed < defective.length && defective[missed] < threshold) missed++;
    while (quiet < good.length && good[quiet] < threshold) quiet++;
    return { threshold, missed, alarms: good.length - quiet };
  });
}

/** Misses and false alarms at the operating point of a run, null where it has none. */
export function operatingCounts(data, m) {
  if (data.models[m].threshold === null) return null;
  const counts = { missed: 0, alarms: 0 };
  for (const image of data.images) {
    const found = (image.runs[m].predictions[0]?.score ?? -1) >= operatingThreshold(data, m, image);
    if (image.good && found) counts.alarms++;
    if (!image.good && !found) counts.missed++;
  }
  return counts;
}

/** Per type the predictions of a run by falling score, as {image, p}; the same at any threshold. */
export function rankedPredictions(data, model) {
  const ranked = data.types.map(() => []);
  for (const image of data.images) {
    image.runs[model].predictions.forEach(({ type, score }, p) => ranked[type].push({ image, p, score }));
  }
  for (const one of ranked) one.sort((a, b) => b.score - a.score);
  return ranked;
}

/** Per type: truths, precision and recall down the ranked predictions, and COCO's AP at this IoU. */
export function precisionRecall(data, model, ranked, iou, by) {
  const truths = data.types.map(() => 0);
  const met = data.images.map((image) => {
    const run = image.runs[model];
    for (const truth of image.truths) truths[truth.type]++;
    return matchPredictions(image.truths, run, run.predictions.length, iou, by);
  });
  return data.types.map((_, type) => {
    const precision = new Float64Array(ranked[type].length);
    const recall = new Float64Array(ranked[type].length);
    let right = 0;
    ranked[type].forEach(({ image, p }, i) => {
      right += met[image.index][p] >= 0 ? 1 : 0;
      precision[i] = right / (i + 1);
      recall[i] = truths[type] ? right / truths[type] : 0;
    });
    return { truths: truths[type], precision, recall, ap: truths[type] ? averagePrecision(precision, recall) : null };
  });
}

// Mean of the best precision at 101 recalls. Source: cocoapi cocoeval.py, accumulate.
function averagePrecision(precision, recall) {
  const best = new Float64Array(precision.length);
  let most = 0;
  for (let i = precision.length - 1; i >= 0; i--) {
    most = Math.max(most, precision[i]);
    best[i] = most;
  }
  let sum = 0;
  let at = 0;
  for (let step = 0; step <= 100; step++) {
    while (at < recall.length && recall[at] < step / 100) at++;
    if (at < recall.length) sum += best[at];
  }
  return sum / 101;
}

/**
 * matrix[row][column]: truths of type `row` met by predictions of type `column`, whatever the type, as tallies; the last
 * row are predictions that meet nothing, the last column truths that nothing meets.
 */
export function confusion(data, model, judged, tally = countOnly) {
  const none = data.types.length;
  const matrix = Array.from({ length: none + 1 }, () => Array.from({ length: none + 1 }, tally));
  data.images.forEach((image, i) => {
    const met = crossType(image, model, judged[i]);
    const { predictions } = image.runs[model];
    met.forEach((t, p) => add(matrix[t >= 0 ? image.truths[t].type : none][predictions[p].type], image));
    image.truths.forEach((truth, t) => { if (!met.includes(t)) add(matrix[truth.type][none], image); });
  });
  return matrix;
}

// A tally is a count; of a cell that is clicked also the images it comes from, as a set of their indices.
function countOnly() {
  return { count: 0, images: null };
}

function withImages() {
  return { count: 0, images: new Set() };
}

function add(tally, image) {
  tally.count++;
  tally.images?.add(image.index);
}

/** Per type: truths, found, unfound and wrong predictions as tallies, precision and recall at the thresholds. */
export function byType(data, model, judged, tally = countOnly) {
  const rows = data.types.map(() => ({ truths: tally(), found: tally(), unfound: tally(), wrong: tally() }));
  data.images.forEach((image, i) => {
    const { finders, met } = judged[i];
    image.truths.forEach(({ type }, t) => {
      add(rows[type].truths, image);
      add(finders[t] >= 0 ? rows[type].found : rows[type].unfound, image);
    });
    met.forEach((truth, p) => {
      if (truth < 0) add(rows[image.runs[model].predictions[p].type].wrong, image);
    });
  });
  return rows.map((row) => ({
    ...row,
    precision: ratio(row.found.count, row.found.count + row.wrong.count),
    recall: ratio(row.found.count, row.truths.count),
  }));
}

/** Per type and size class, with a last row and column for all: truths and unfound as tallies. */
export function bySize(data, judged, tally = countOnly) {
  const cells = () => Array.from({ length: SIZES.length + 1 }, () => ({ truths: tally(), unfound: tally() }));
  const rows = Array.from({ length: data.types.length + 1 }, cells);
  data.images.forEach((image, i) => image.truths.forEach((truth, t) => {
    const column = SIZES.indexOf(sizeOf(truth.area));
    for (const row of [rows[truth.type], rows[data.types.length]]) {
      for (const cell of [row[column], row[SIZES.length]]) {
        add(cell.truths, image);
        if (judged[i].finders[t] < 0) add(cell.unfound, image);
      }
    }
  }));
  return rows;
}

/** The images behind a clicked cell of a table, `cell` as the address keeps it; none where there is no such cell. */
export function cellImages(data, judged, { cell: [table, row, column], focus }) {
  const found = {
    confusion: () => confusion(data, focus, judged[focus], withImages)[row]?.[column],
    type: () => byType(data, focus, judged[focus], withImages)[row]?.[column],
    size: () => bySize(data, judged[focus], withImages)[row]?.[column]?.truths,
    unfound: () => bySize(data, judged[focus], withImages)[row]?.[column]?.unfound,
  };
  return (Object.hasOwn(found, table) && found[table]()?.images) || new Set();
}
