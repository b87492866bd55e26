// What can be done with a run: its place in the queue and the time that is left change while one looks.
import { parse } from "./page.js";

const every = 1500; // milliseconds between two looks

/** work keeps that part of a run's page new. changed is called with the runs that have changed. */
export function work(address) {
  let last = 0;
  let timer = 0;

  async function look() {
    timer = 0;
    last = Date.now();
    try {
      const answer = await fetch(`${address}/work`);
      if (answer.ok) show(parse(await answer.text()).firstElementChild);
    } catch {
      // the server is gone; the next change tells
    }
  }

  return {
    changed(mine) {
      const part = document.getElementById("run-work");
      if (timer || !part || (!mine && part.dataset.status !== "queued")) return; // others' changes move the queue
      timer = setTimeout(look, Math.max(0, last + every - Date.now()));
    },
  };
}

function show(next) {
  const part = document.getElementById("run-work");
  if (part.outerHTML === next.outerHTML) return;
  const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
  part.replaceWith(next);
  if (focused) document.getElementById(focused)?.focus();
}
