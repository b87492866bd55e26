// The page of workers: what they do now.
import { follow } from "./live.js";
import { fetchPage } from "./page.js";

const host = document.getElementById("workers");
const pause = 5000; // ms between two looks: signs of life are no changes of the store
let busy = false;
let again = false;

/** refresh shows the workers as they are now. The focus stays on the button of the same worker. */
async function refresh() {
  again = busy;
  if (busy || document.hidden) return;
  busy = true;
  try {
    const next = (await fetchPage()).getElementById("workers");
    const process = document.activeElement?.closest("#workers form")?.elements.process.value;
    host.replaceChildren(...next.children);
    for (const form of process ? host.querySelectorAll("form") : []) {
      if (form.elements.process.value === process) form.querySelector("button").focus({ preventScroll: true });
    }
  } catch {
    // The server is gone; the next look may find it.
  } finally {
    busy = false;
    if (again) refresh();
  }
}

follow(host.dataset.cursor, refresh);
setInterval(refresh, pause);
