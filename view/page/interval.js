// Exact 95 % intervals of rates (Clopper and Pearson 1934), the same as in evaluate/bootstrap.py.

import { text } from "./language.js";

const TAIL = 0.025;
const HALVINGS = 60;

/** @type {Map<string, Interval | null>} */
const known = new Map();

/**
 * The interval of the rate behind `events` of `trials`, null without a trial.
 * @param {number} events
 * @param {number} trials
 * @returns {Interval | null}
 */
export function binomialInterval(events, trials) {
  const key = `${events}/${trials}`;
  let found = known.get(key);
  if (found === undefined) {
    found = trials === 0 ? null : [
      events === 0 ? 0 : solve((p) => incompleteBeta(p, events, trials - events + 1), TAIL),
      events === trials ? 1 : solve((p) => incompleteBeta(p, events + 1, trials - events), 1 - TAIL)];
    known.set(key, found);
  }
  return found;
}

/**
 * Where a rising function on 0 to 1 reaches `level`.
 * @param {(p: number) => number} rising
 * @param {number} level
 */
function solve(rising, level) {
  let low = 0;
  let high = 1;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (rising(middle) < level) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/**
 * The regularised incomplete beta function I_x(a, b) by its continued fraction, evaluated by Lentz's method. Source: NIST
 * Digital Library of Mathematical Functions, 8.17.22 and 3.10(iii).
 * @param {number} x
 * @param {number} a
 * @param {number} b
 * @returns {number}
 */
export function incompleteBeta(x, a, b) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / (1 - ((a + b) * x) / (a + 1) || tiny);
  let fraction = d;
  for (let m = 1, change = 0; m < 10000 && Math.abs(change - 1) > 1e-15; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    change = 1;
    for (const term of [even, odd]) {
      d = 1 / (1 + term * d || tiny);
      c = 1 + term / c || tiny;
      fraction *= c * d;
      change *= c * d;
    }
  }
  return (Math.exp(a * Math.log(x) + b * Math.log1p(-x) + logGamma(a + b) - logGamma(a) - logGamma(b)) / a) * fraction;
}

/**
 * Stirling's series after a shift to large arguments. Source: Digital Library of Mathematical Functions, 5.11.1.
 * @param {number} z
 */
function logGamma(z) {
  let shift = 0;
  let x = z;
  while (x < 15) shift += Math.log(x++);
  const series = 1 / (12 * x) - 1 / (360 * x ** 3) + 1 / (1260 * x ** 5) - 1 / (1680 * x ** 7);
  return (x - 0.5) * Math.log(x) - x + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/**
 * An interval of a rate in percent, rounded outward, so that it never promises more than is known.
 * @param {Interval | null} interval
 */
export function intervalText(interval) {
  if (!interval) return "";
  const [low, high] = interval.map((rate) => 100 * rate);
  const digits = high < 1 ? 2 : high < 10 ? 1 : 0;
  const scale = 10 ** digits;
  const almost = 1e-9; // of 22.000000000001
  const shown = [Math.floor(low * scale + almost) / scale, Math.ceil(high * scale - almost) / scale];
  return text("interval", { low: shown[0].toFixed(low === 0 ? 0 : digits), high: shown[1].toFixed(high === 100 ? 0 : digits) });
}
