// The back button closes the large view; it does not leave the page.

/**
 * Add an entry to the history of the browser when the large view opens, and close the view when the reader goes back.
 * @param {Store} store
 */
export function listenToBack(store) {
  const { state } = store;
  let opened = false;
  let closing = false; // by the page, which goes back by itself
  let base = "";

  function open() {
    base = location.href;
    history.pushState({ large: true }, "");
    opened = true;
  }

  if (state.image !== null) {
    const { image } = state;
    state.image = null;
    store.flush();
    state.image = image;
    open();
    store.flush();
  }
  store.listen((keys) => {
    if (!keys.has("image")) return;
    if (state.image !== null && !opened) open();
    else if (state.image === null && opened) {
      opened = false;
      closing = true;
      history.back();
    }
  });
  window.addEventListener("popstate", () => {
    if (!closing && (!opened || location.href !== base)) return; // another address was entered
    opened = false;
    closing = false;
    if (state.image !== null) store.change({ image: null });
    store.flush();
  });
}
