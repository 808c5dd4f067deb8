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
  const model = data.models[m];
  if (model.threshold === null) return null;
  const counts = { missed: 0, alarms: 0 };
  for (const image of data.images) {
    const found = (image.runs[m].predictions[0]?.score ?? -1) >= operatingThreshold(model, image);
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
  const matrix = Array.from({ length: none + 1 }, () =>
    Array.from({ length: none + 1 }, () => ({ count: 0, images: new Set() })));
  const add = (row, column, image) => {
    matrix[row][column].count++;
    matrix[row][column].images.add(image.index);
  };
  for (const image of data.images) {
    const run = image.runs[model];
    const count = countAbove(run.predictions, thresholdFor(data, state, model, image));
    const met = matchPredictions(image.truths, run, count, iou, by, true);
    met.forEach((t, p) => add(t >= 0 ? image.truths[t].type : none, run.predictions[p].type, image));
    const reached = new Set(met);
    image.truths.forEach((truth, t) => { if (!reached.has(t)) add(truth.type, none, image); });
  }
  return matrix;
}

/** Per type: truths, found, wrong predictions, precision and recall at the present thresholds. */
export function byType(data, model, judged) {
  return data.types.map((_, type) => {
    const row = { truths: 0, found: 0, wrong: 0 };
    data.images.forEach((image, i) => {
      image.truths.forEach((truth, t) => {
        if (truth.type !== type) return;
        row.truths++;
        if (judged[i].finders[t] >= 0) row.found++;
      });
      judged[i].met.forEach((truth, p) => {
        if (truth < 0 && image.runs[model].predictions[p].type === type) row.wrong++;
      });
    });
    return { ...row, precision: ratio(row.found, row.found + row.wrong), recall: ratio(row.found, row.truths) };
  });
}

/** Per size class: truths and how many of them are found. */
export function bySize(data, judged) {
  return SIZES.map((size) => {
    const row = { truths: 0, found: 0 };
    data.images.forEach((image, i) => image.truths.forEach((truth, t) => {
      if (sizeOf(truth.area) !== size) return;
      row.truths++;
      if (judged[i].finders[t] >= 0) row.found++;
    }));
    return { ...row, recall: ratio(row.found, row.truths) };
  });
}
