// News from the server: which runs have changed. Nothing is asked for but by the one stream of events, and that is
// closed while nobody sees the page, since a browser opens only six connections to one server; the cursor says where to
// go on.

/**
 * follow calls back with each change: {runs: [ids], deleted: [ids], more: true if there were too many to tell}.
 * @param {string} cursor that the page was made at.
 * @param {(changes: {runs: string[], deleted: string[], more: boolean}) => void} changed
 */
export function follow(cursor, changed) {
  let source = null;
  let retry = 0;

  function open() {
    clearTimeout(retry);
    if (source || document.hidden) return;
    source = new EventSource(`/events?since=${encodeURIComponent(cursor)}`);
    source.addEventListener("changes", (event) => {
      cursor = event.lastEventId;
      const { runs = [], deleted = [], more = false } = JSON.parse(event.data);
      changed({ runs, deleted, more });
    });
    source.addEventListener("error", () => {
      if (source?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself
      close();
      retry = setTimeout(open, 10_000); // the server refused: too many pages, or it is gone
    });
  }

  function close() {
    source?.close();
    source = null;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  addEventListener("pageshow", open); // also when the browser brings the page back from its cache
  open();
}
