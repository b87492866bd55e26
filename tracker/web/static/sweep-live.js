// What is new of a sweep. The stream of events tells of all runs; those that turn out to belong to no trial of the
// sweep are not asked for again.
import { follow } from "./live.js";

const pause = 700; // ms between two looks at the server, where the page does not say another

/**
 * followTrials calls refresh with the ids of runs that changed and may be the sweep's trials. host has the page's
 * cursor and the ids of the trials, which refresh brings up to date; a page that is not to know them has none, and
 * refreshes with all runs.
 * @param {HTMLElement} host
 * @param {(ids: Set<string>) => Promise<void>} refresh
 */
export function followTrials(host, refresh) {
  const others = new Set();
  let changed = new Set();
  let busy = false;

  follow(host.dataset.cursor, ({ runs, deleted, more }) => {
    for (const id of [...runs, ...deleted]) if (!others.has(id)) changed.add(id);
    if (more) changed.add("");
    if (!busy && changed.size > 0) look();
  });

  async function look() {
    busy = true;
    while (changed.size > 0) {
      const ids = changed;
      changed = new Set();
      try {
        await refresh(ids);
        const own = host.dataset.runs?.split(" ");
        if (own) for (const id of ids) if (!own.includes(id)) others.add(id);
      } catch {
        // The server is gone; when it is back, the stream of events tells what was missed.
      }
      await new Promise((done) => setTimeout(done, Number(host.dataset.pause ?? pause)));
    }
    busy = false;
  }
}
