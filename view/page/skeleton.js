// The page of the file, copied before the script changes it: the frame of a page that is saved from it.

/** The html element without the pixels of the images, which follow the script in the file. */
export const SKELETON = /** @type {HTMLElement} */ (document.documentElement.cloneNode(true));
