// The words of the page in the language of the reader. Each language is one JSON file in languages/.

const FALLBACK = "en";

/** @type {Record<string, Words>} */
const WORDS = readWords();

/** The languages of the page: code -> its own name. */
export const LANGUAGES = Object.entries(WORDS).map(([code, words]) => /** @type {[string, string]} */ ([code, String(words.language)]));

/** The language that the page is shown in. */
export const LANGUAGE = chooseLanguage(new URLSearchParams(location.hash.slice(1)).get("language"), navigator.languages, Object.keys(WORDS));

if (LANGUAGE in WORDS) document.documentElement.lang = LANGUAGE;

/** @returns {Record<string, Words>} */
function readWords() {
  return JSON.parse(document.getElementById("words")?.textContent ?? "{}");
}

/**
 * The language in the address, else the first that the reader prefers and the page has, else English.
 * @param {string | null} wanted
 * @param {readonly string[]} preferred
 * @param {string[]} known
 */
export function chooseLanguage(wanted, preferred, known) {
  if (wanted && known.includes(wanted)) return wanted;
  for (const one of preferred) {
    const exact = known.find((code) => code.toLowerCase() === one.toLowerCase());
    if (exact) return exact;
    if (/^zh-(tw|hk|mo|hant)/i.test(one) && known.includes("zh-TW")) return "zh-TW";
    const base = known.find((code) => code === one.split("-")[0]);
    if (base) return base;
  }
  return FALLBACK;
}

/**
 * The words of a key; {name} is replaced by a value. An entry with two forms is [one, many], chosen by the value `n`.
 * A key without words is shown unchanged.
 * @param {string} key
 * @param {Record<string, string | number>} values
 * @returns {string}
 */
export function text(key, values = {}) {
  const entry = WORDS[LANGUAGE]?.[key] ?? WORDS[FALLBACK]?.[key] ?? key;
  const form = typeof entry === "string" ? entry : entry[values.n === 1 ? 0 : 1];
  return form.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shownValue(values[name]) : whole));
}

const NUMBERS = new Intl.NumberFormat(LANGUAGE);

/** @param {string | number} value */
function shownValue(value) {
  return typeof value === "number" ? NUMBERS.format(value) : value;
}
