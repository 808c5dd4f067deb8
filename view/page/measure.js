// Totals, curves and tables at the present thresholds, with the definitions of evaluate/.

import { countAbove, judgeImage, matchPredictions, operatingThreshold, thresholdFor } from "./judge.js";

export const SIZES = ["small", "medium", "large"];

/** COCO's size classes: areas below 32 x 32 pixels, below 96 x 96, and above. */
export function sizeOf(area) {
  return area < 32 * 32 ? "small" : area < 96 * 96 ? "medium" : "large";
}

/** By model, then by image. */
export function judgeAll(data, state) {
  const { iou, by } = state;
  return data.models.map((_, m) => data.images.map((image) =>
    judgeImage(image, m, thresholdFor(data, state, m, image), iou, by)));
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

/** Per type: truths, points (score, precision, recall) over all scores, and COCO's AP at this IoU. */
export function precisionRecall(data, model, iou, by) {
  const hits = data.types.map(() => []);
  const truths = data.types.map(() => 0);
  for (const image of data.images) {
    const run = image.runs[model];
    for (const truth of image.truths) truths[truth.type]++;
    const met = matchPredictions(image.truths, run, run.predictions.length, iou, by);
    run.predictions.forEach((p, i) => hits[p.type].push({ score: p.score, hit: met[i] >= 0 }));
  }
  return data.types.map((_, type) => {
    const ranked = hits[type].sort((a, b) => b.score - a.score);
    let right = 0;
    const points = ranked.map(({ score, hit }, i) => {
      right += hit ? 1 : 0;
      return { score, precision: right / (i + 1), recall: truths[type] ? right / truths[type] : 0 };
    });
    return { truths: truths[type], points, ap: truths[type] ? averagePrecision(points) : null };
  });
}

// Mean of the best precision at 101 recalls. Source: cocoapi cocoeval.py, accumulate.
function averagePrecision(points) {
  const best = new Array(points.length);
  let most = 0;
  for (let i = points.length - 1; i >= 0; i--) {
    most = Math.max(most, points[i].precision);
    best[i] = most;
  }
  let sum = 0;
  let at = 0;
  for (let step = 0; step <= 100; step++) {
    while (at < points.length && points[at].recall < step / 100) at++;
    if (at < points.length) sum += best[at];
  }
  return sum / 101;
}

/**
 * matrix[row][column] = {count, images}: truths of type `row` met by predictions of type `column`, whatever the type;
 * the last row are predictions that meet nothing, the last column truths that nothing meets.
 */
export function confusion(data, model, state) {
  const { iou, by } = state;
  const none = data.types.length;
  const matrix = Array.from({ length: none + 1 }, () => Array.from({ length: none + 1 }, tally));
  for (const image of data.images) {
    const run = image.runs[model];
    const count = countAbove(run.predictions, thresholdFor(data, state, model, image));
    const met = matchPredictions(image.truths, run, count, iou, by, true);
    met.forEach((t, p) => add(matrix[t >= 0 ? image.truths[t].type : none][run.predictions[p].type], image));
    const reached = new Set(met);
    image.truths.forEach((truth, t) => { if (!reached.has(t)) add(matrix[truth.type][none], image); });
  }
  return matrix;
}

/** A count that remembers the images it comes from. */
export function tally() {
  return { count: 0, images: new Set() };
}

function add(cell, image) {
  cell.count++;
  cell.images.add(image.index);
}

/** Per type: truths, found, unfound and wrong predictions as tallies, precision and recall at the thresholds. */
export function byType(data, model, judged) {
  const rows = data.types.map(() => ({ truths: tally(), found: tally(), unfound: tally(), wrong: tally() }));
  data.images.forEach((image, i) => {
    image.truths.forEach(({ type }, t) => {
      add(rows[type].truths, image);
      add(judged[i].finders[t] >= 0 ? rows[type].found : rows[type].unfound, image);
    });
    judged[i].met.forEach((truth, p) => {
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
export function bySize(data, judged) {
  const cells = () => Array.from({ length: SIZES.length + 1 }, () => ({ truths: tally(), unfound: tally() }));
  const rows = Array.from({ length: data.types.length + 1 }, cells);
  data.images.forEach((image, i) => image.truths.forEach((truth, t) => {
    for (const row of [truth.type, data.types.length]) {
      for (const column of [SIZES.indexOf(sizeOf(truth.area)), SIZES.length]) {
        add(rows[row][column].truths, image);
        if (judged[i].finders[t] < 0) add(rows[row][column].unfound, image);
      }
    }
  }));
  return rows;
}

/** The images behind a clicked cell of a table, `cell` as the address keeps it; none where there is no such cell. */
export function cellImages(data, judged, state) {
  const [table, row, column] = state.cell;
  const { focus } = state;
  if (table === "confusion") return confusion(data, focus, state)[row]?.[column]?.images ?? new Set();
  if (table === "type") return byType(data, focus, judged[focus])[row]?.[column]?.images ?? new Set();
  return bySize(data, judged[focus])[row]?.[column]?.[table === "size" ? "truths" : "unfound"]?.images ?? new Set();
}
