// Notes of the reader on images. Short ones are in the address; all can be saved as a file and loaded again.

import { save } from "./download.js";
import { el, note } from "./dom.js";
import { text } from "./language.js";
import { fitsAddress } from "./state.js";

/**
 * The field for the note of an image in the large view. It stays the same element, so that typing is not interrupted.
 * @param {Store} store
 */
export function noteField(store) {
  let name = "";
  const input = el("textarea", { id: "image-note", rows: 2, placeholder: text("note.placeholder"), oninput: () => {
    const { [name]: _, ...others } = store.state.notes;
    store.change({ notes: input.value ? { ...others, [name]: input.value } : others });
  } });
  return {
    root: el("div", { class: "note-field" }, el("label", { for: "image-note" }, text("note")), input),
    /** @param {string} shown */
    update(shown) {
      if (shown === name && document.activeElement === input) return;
      name = shown;
      input.value = store.state.notes[name] ?? "";
    },
  };
}

/** @param {Store} store */
export function saveNotes(store) {
  save("notes.json", `${JSON.stringify({ notes: store.state.notes }, null, 2)}\n`);
  saved = JSON.stringify(store.state.notes);
}

let saved = "{}";

/**
 * Add the notes of a file to those of the page. Where both have one on an image and they differ, the text of the file
 * follows on a line of its own, so that none is lost. Notes on images that the page does not have are counted.
 * @param {PageData} data
 * @param {Store} store
 * @param {File} file
 */
export async function loadNotes(data, store, file) {
  const read = readNotes(await file.text());
  if (!read) {
    note(text("notes.unreadable", { name: file.name }));
    return;
  }
  const { notes, known, unknown } = mergeNotes(store.state.notes, read, new Set(data.images.map(({ name }) => name)));
  store.change({ notes });
  note([text("notes.loaded", { n: known }), unknown ? text("notes.unknown", { n: unknown }) : ""].filter(Boolean).join(" "));
}

/**
 * The notes of a file that `saveNotes` wrote, null if it is another file.
 * @param {string} content
 * @returns {Record<string, string> | null}
 */
export function readNotes(content) {
  try {
    const { notes } = JSON.parse(content);
    const fits = typeof notes === "object" && notes !== null && !Array.isArray(notes) && Object.values(notes).every((value) => typeof value === "string");
    return fits ? notes : null;
  } catch {
    return null;
  }
}

/**
 * @param {Record<string, string>} own
 * @param {Record<string, string>} read
 * @param {Set<string>} names
 */
export function mergeNotes(own, read, names) {
  const notes = { ...own };
  const known = Object.entries(read).filter(([name]) => names.has(name));
  for (const [name, words] of known) {
    const lines = (notes[name] ?? "").split("\n");
    notes[name] = notes[name] === words || lines.includes(words) ? notes[name] : [notes[name], words].filter(Boolean).join("\n");
  }
  return { notes, known: known.length, unknown: Object.keys(read).length - known.length };
}

/**
 * Ask before the page is left with notes that are neither in the address nor in a file.
 * @param {Store} store
 */
export function guardNotes(store) {
  window.addEventListener("beforeunload", (event) => {
    const { notes } = store.state;
    const written = JSON.stringify(notes);
    if (!fitsAddress(notes) && written !== saved && written !== JSON.stringify(store.initial.notes)) event.preventDefault();
  });
}
