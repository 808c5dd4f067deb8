// Elements made with text and attributes only: nothing is ever parsed as HTML, so no name can run script.

const SVG = "http://www.w3.org/2000/svg";

export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function byId(id) {
  return document.getElementById(id);
}

/** A labelled range input; `onmove` gets the number while it is dragged. */
export function slider(id, label, { min, max, step, value, onmove }) {
  const input = el("input", { type: "range", id, min, max, step, oninput: () => onmove(Number(input.value)) });
  input.setAttribute("aria-label", label);
  input.value = value;
  return input;
}

export function button(label, onclick, attributes = {}) {
  return el("button", { type: "button", onclick, ...attributes }, label);
}

export function toggle(label, checked, onchange, attributes = {}) {
  const input = el("input", { type: "checkbox", onchange: () => onchange(input.checked), ...attributes });
  input.checked = checked;
  return el("label", { class: "toggle" }, input, label);
}

let noteTimer = 0;

/** A short message that goes away by itself. */
export function note(text) {
  const place = byId("note");
  place.textContent = text;
  place.classList.add("shown");
  clearTimeout(noteTimer);
  noteTimer = setTimeout(() => place.classList.remove("shown"), 2200);
}
