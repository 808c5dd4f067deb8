// Create elements from text and attributes only. Nothing is parsed as HTML, so no name can run a script.

const SVG = "http://www.w3.org/2000/svg";
const NOTE_MILLISECONDS = 2200;

/**
 * An HTML element. Attributes with a function are event listeners, such as `onclick`; false, null and undefined omit one.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} attributes
 * @param {Children[]} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/**
 * The same for SVG.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} attributes
 * @param {Children[]} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

/**
 * @template {Element} E
 * @param {E} element
 * @param {Record<string, unknown>} attributes
 * @param {Children[]} children
 * @returns {E}
 */
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, String(value));
  }
  append(element, children);
  return element;
}

/**
 * @param {Element} element
 * @param {Children[]} children
 */
function append(element, children) {
  for (const child of children) {
    if (Array.isArray(child)) append(element, child);
    else if (typeof child === "number") element.append(String(child));
    else if (child) element.append(child);
  }
}

/**
 * The element of page.html with an id.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  return /** @type {HTMLElement} */ (document.getElementById(id));
}

/**
 * The dialog of page.html with an id.
 * @param {string} id
 */
export function dialogById(id) {
  return /** @type {HTMLDialogElement} */ (byId(id));
}

/**
 * A range input; `onmove` gets its value while it is dragged.
 * @param {string} id
 * @param {string} label
 * @param {{min: number, max: number, step: number, value: number, onmove: (value: number) => void}} options
 */
export function slider(id, label, { min, max, step, value, onmove }) {
  const input = el("input", { type: "range", id, min, max, step, "aria-label": label, oninput: () => onmove(Number(input.value)) });
  input.value = String(value);
  return input;
}

/**
 * @param {Children} label
 * @param {() => void} onclick
 * @param {Record<string, unknown>} attributes
 */
export function button(label, onclick, attributes = {}) {
  return el("button", { type: "button", onclick, ...attributes }, label);
}

/**
 * A checkbox and its label.
 * @param {string} label
 * @param {(checked: boolean) => void} onchange
 * @param {Record<string, unknown>} attributes
 */
export function checkbox(label, onchange, attributes = {}) {
  const input = el("input", { type: "checkbox", onchange: () => onchange(input.checked), ...attributes });
  return { root: el("label", { class: "toggle" }, input, label), input };
}

/**
 * A row of buttons; exactly one is on.
 * @template {string | number} K
 * @param {string} name
 * @param {[key: K, text: string][]} options
 * @param {() => K} current
 * @param {(key: K) => void} onchoose
 */
export function choice(name, options, current, onchoose) {
  const buttons = options.map(([key, text]) => button(text, () => onchoose(key), { "data-key": key }));
  return {
    root: el("span", { class: "choice", role: "group", "aria-label": name }, buttons),
    update() {
      buttons.forEach((one, i) => { one.setAttribute("aria-pressed", String(options[i][0] === current())); });
    },
  };
}

/**
 * A titled section of the side panel.
 * @param {string} title
 * @param {Children[]} children
 */
export function section(title, ...children) {
  return el("section", {}, el("h2", {}, title), ...children);
}

/**
 * Make `wanted` the children of `place`. Those that stay are not taken out, so that the browser lays out only the others.
 * @param {HTMLElement} place
 * @param {HTMLElement[]} wanted
 */
export function showChildren(place, wanted) {
  const stays = new Set(/** @type {Element[]} */ (wanted));
  wanted.forEach((one, i) => {
    const there = place.children[i];
    if (there === one) return;
    if (there && !stays.has(there)) there.replaceWith(one);
    else place.insertBefore(one, there ?? null);
  });
  while (place.children.length > wanted.length) place.lastElementChild?.remove();
}

/**
 * The result of `draw`, drawn again only if `key` has changed.
 * @template D
 * @template {unknown[]} A
 * @param {() => string} key
 * @param {(...given: A) => D} draw
 */
export function kept(key, draw) {
  /** @type {{key: string, drawn: D} | null} */
  let last = null;
  return (/** @type {A} */ ...given) => {
    const now = key();
    if (last?.key !== now) last = { key: now, drawn: draw(...given) };
    return last.drawn;
  };
}

/**
 * Replace the content of `place` by `render`; what had the keyboard focus gets it again, found by its id or label.
 * @param {HTMLElement} place
 * @param {() => void} render
 */
export function keepFocus(place, render) {
  const focused = document.activeElement;
  const inside = focused instanceof Element && place.contains(focused) ? focused : null;
  const { id, outerHTML } = inside ?? { id: "", outerHTML: "" };
  render();
  if (!inside) return;
  const again = id ? document.getElementById(id) : [...place.querySelectorAll("button")].find((one) => one.outerHTML === outerHTML);
  if (again) again.focus({ preventScroll: true });
}

let noteTimer = 0;

/**
 * Show a short message that disappears automatically.
 * @param {string} text
 */
export function note(text) {
  const place = byId("note");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => place.classList.remove("shown"), NOTE_MILLISECONDS);
}
