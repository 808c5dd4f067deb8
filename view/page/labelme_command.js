// Commands to copy that open images in labelme, to correct them.

import { shellWord } from "./format.js";
import { thresholdFor } from "./judge.js";

/** More names than this make a command too long for some shells. */
export const MAX_NAMED = 100;

/**
 * The command that opens images of a dataset in labelme, with their truth and predictions of a run to correct. `score` is
 * the least score of these predictions, null for the operating points of the run.
 * @param {PageData} data
 * @param {PageImage[]} images
 * @param {number} run
 * @param {number | null} score
 */
export function correctCommand(data, images, run, score) {
  const model = data.models[run];
  const from = model?.run ? ["--from", fromHere(model.run), ...(score === null ? [] : ["--min-score", String(score)])] : [];
  return ["annotate", "correct", fromHere(data.correct), ...images.map((image) => image.name), ...from].map(shellWord).join(" ");
}

/**
 * A path relative to the page as one that works from any folder: on disk, the page knows its own place.
 * @param {string} path
 */
function fromHere(path) {
  if (location.protocol !== "file:") return path;
  const whole = decodeURIComponent(new URL(path.split("/").map(encodeURIComponent).join("/"), location.href).pathname);
  return whole.replace(/^\/([A-Za-z]:)/, "$1").replace(/(.)\/$/, "$1");
}

/**
 * The command that opens the image in labelme, with the counting predictions of a run as editable shapes.
 * @param {PageData} data
 * @param {PageImage} image
 * @param {State} state
 */
export function labelmeCommand(data, image, state) {
  if (data.correct) return correctCommand(data, [image], state.focus, thresholdFor(data, state, state.focus, image));
  const only = [data.folder, "--only", image.name];
  const open = ["annotate", "open", ...only];
  const model = data.models[state.focus];
  const commands = model
    ? [["annotate", "propose", ...only, ...model.propose, "--min-score", String(thresholdFor(data, state, state.focus, image))], open]
    : [open];
  return commands.map((words) => words.map(shellWord).join(" ")).join(" && ");
}
