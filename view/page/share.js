// Take the selection out of the page: names, a table, print.

import { imageCost } from "./cost.js";
import { save } from "./download.js";
import { button, el, note } from "./dom.js";
import { LETTERS } from "./format.js";
import { imageScore } from "./judge.js";
import { MAX_NAMED, correctCommand } from "./labelme_command.js";
import { text } from "./language.js";
import { loadNotes, saveNotes } from "./notes.js";
import { shownRuns } from "./pair.js";
import { printSelection } from "./print.js";
import { smallPage } from "./small_page.js";

/**
 * The menu; `selection` returns the shown images and the judgements.
 * @param {PageData} data
 * @param {Store} store
 * @param {() => {chosen: PageImage[], judged: Judged}} selection
 */
export function shareMenu(data, store, selection) {
  const names = () => `${selection().chosen.map((image) => image.name).join("\n")}\n`;
  const file = el("input", { type: "file", accept: ".json", hidden: true, "aria-label": text("notes.load"), onchange: async () => {
    if (file.files?.[0]) await loadNotes(data, store, file.files[0]);
    file.value = "";
  } });
  const correct = async () => {
    const { chosen } = selection();
    if (chosen.length > MAX_NAMED) {
      note(text("share.correct_many", { n: MAX_NAMED }));
      return;
    }
    const { focus, thresholds } = store.state;
    const command = correctCommand(data, chosen, focus, thresholds[focus]);
    try {
      await navigator.clipboard.writeText(command);
      note(text("copied.correct"));
    } catch {
      window.prompt(text("copy.prompt"), command);
    }
  };
  const menu = el("details", { id: "share" }, el("summary", {}, text("share")), el("div", { class: "menu" },
    button(text("share.copy"), async () => {
      try {
        await navigator.clipboard.writeText(names());
        note(text("share.copied"));
      } catch {
        window.prompt(text("share.names"), names());
      }
    }),
    button(text("share.names"), () => save("names.txt", names()), { id: "save-names" }),
    data.hasTruth && data.models.length > 0 && button(text("share.table"), () => save("selection.csv", selectionCsv(data, store.state, selection())), { id: "save-csv" }),
    button(text("share.page"), async () => {
      try {
        save("selection.html", await smallPage(data, store.state, store.initial, selection().chosen));
      } catch {
        note(text("share.page_refused"));
      }
    }, { id: "save-page", title: text("share.page_meaning") }),
    button(text("share.print"), () => printSelection(data, store.state, selection()), { id: "print" }),
    data.correct && button(text("share.correct"), correct, { id: "copy-correct", title: text("share.correct_meaning") }),
    el("hr"),
    button(text("notes.save"), () => saveNotes(store), { id: "save-notes" }),
    button(text("notes.load"), () => file.click(), { id: "load-notes" }), file,
    el("p", { class: "hint" }, text("notes.rule"))));
  menu.addEventListener("click", (event) => { if (/** @type {Element} */ (event.target).matches("button")) menu.open = false; });
  return menu;
}

/**
 * One row for each shown image, with what each shown run does on it.
 * @param {PageData} data
 * @param {State} state
 * @param {{chosen: PageImage[], judged: Judged}} selection
 */
export function selectionCsv(data, state, { chosen, judged }) {
  const runs = shownRuns(data, state);
  const columns = ["score", "image missed", "false alarm", "defects found", "defects missed", "false predictions", "cost"];
  const rows = [["image", "split", "defects", ...runs.flatMap((m) => columns.map((name) => (data.models.length > 1 ? `${LETTERS[m]} ${name}` : name))), "note"]];
  for (const image of chosen) {
    const values = runs.flatMap((m) => {
      const one = judged[m][image.index];
      return [imageScore(image, m) ?? "", Number(one.miss), Number(one.alarm), one.right, one.unfound, one.wrong, imageCost(one, state.costs)];
    });
    rows.push([image.name, image.split, String(image.truths.length), ...values.map(String), state.notes[image.name] ?? ""]);
  }
  return rows.map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}

/**
 * A CSV cell, quoted if necessary (RFC 4180). A name that a spreadsheet would compute is preceded by an apostrophe.
 * @param {string} value
 */
function cell(value) {
  const safe = /^[=+@\t\r]|^-(?![\d.])/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
