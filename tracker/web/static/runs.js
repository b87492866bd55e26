// The Runs page: rows that change while one looks, choosing, and keys.
import { onKey } from "./keys.js";
import { follow } from "./live.js";
import { parse, say } from "./page.js";
import { completeNames } from "./filter.js";

const table = document.getElementById("runs");
const filter = document.getElementById("filter");
const row = (id) => table?.querySelector(`tr[data-id="${CSS.escape(id)}"]`);

if (filter) {
  completeNames(filter);
  if (filter.matches("[aria-invalid]")) filter.setSelectionRange(filter.value.length, filter.value.length);
  onKey("/", "Go to the filter", () => filter.select());
}
if (table) {
  choose();
  follow(table.dataset.cursor, show);
} else {
  // There is nothing to keep: whatever comes, a new page shows it.
  const nothing = document.getElementById("nothing");
  if (nothing) follow(nothing.dataset.cursor, () => location.reload());
}

const atOnce = 40; // rows that the server gives at once
let pending = new Set(); // ids of runs that have changed
let asking = false;

/** show has the rows of changed runs made anew. Changes that come meanwhile are asked for together. */
function show({ runs, deleted, more }) {
  if (more) return location.reload();
  for (const id of deleted) row(id)?.remove();
  for (const id of runs) if (row(id) || table.dataset.usual === "true") pending.add(id);
  if (!asking) ask();
}

async function ask() {
  asking = true;
  try {
    while (pending.size > 0) {
      const ids = [...pending].slice(0, atOnce);
      ids.forEach((id) => pending.delete(id));
      const query = new URLSearchParams(location.search);
      query.delete("page");
      query.delete("run");
      ids.forEach((id) => query.append("run", id));
      const answer = await fetch(`/runs/rows?${query}`);
      if (answer.ok) place(parse(`<table><tbody>${await answer.text()}</tbody></table>`).querySelectorAll("tr"));
    }
  } catch {
    // The server is gone; when it is back, the stream of events tells what was missed.
  } finally {
    asking = false;
  }
}

/** place puts rows where the same runs' were, and new ones at the top: the server sends the latest first. */
function place(rows) {
  const fresh = [];
  for (const next of rows) {
    const old = row(next.dataset.id);
    if (!old) {
      fresh.push(next);
      continue;
    }
    if (old.dataset.status !== next.dataset.status) say(`${name(next)} is ${next.dataset.status}`);
    next.querySelector("input").checked = old.querySelector("input").checked;
    next.classList.toggle("current", old.classList.contains("current"));
    const focused = old.contains(document.activeElement) ? [...old.querySelectorAll("a, input")].indexOf(document.activeElement) : -1;
    keepPicture(old, next);
    old.replaceWith(next);
    if (focused >= 0) next.querySelectorAll("a, input")[focused]?.focus({ preventScroll: true });
  }
  if (fresh.length === 0) return;
  fresh.forEach((next) => next.classList.add("fresh"));
  table.tBodies[0].prepend(...fresh);
  say(fresh.length === 1 ? `New run: ${name(fresh[0])}` : `${fresh.length} new runs`);
}

/** keepPicture leaves the element of a picture that is the same, which would flicker if it were made anew. */
function keepPicture(old, next) {
  const [was, is] = [old.querySelector(".thumb img"), next.querySelector(".thumb img")];
  if (was && is && was.getAttribute("src") === is.getAttribute("src")) is.replaceWith(was);
}

function name(tr) {
  return tr.querySelector(".name a").textContent;
}

/** choose is ticking rows, by the mouse or by keys, and the bar that says what can be done with them. */
function choose() {
  const form = document.getElementById("chosen");
  const bar = document.getElementById("selection");
  const count = document.getElementById("selection-count");
  const clear = document.getElementById("unchoose");
  const compare = bar.querySelector('[formaction="/compare"]');
  const boxes = () => [...form.querySelectorAll("input[name=run]")];
  let last = null; // the box that was ticked last, from which Shift ticks all others

  function update() {
    const n = boxes().filter((b) => b.checked).length;
    const most = Number(table.dataset.most);
    bar.classList.toggle("on", n > 0);
    clear.hidden = n === 0;
    compare.disabled = n < 2 || n > most;
    bar.querySelectorAll('[formaction="/runs/delete"]').forEach((b) => (b.disabled = n === 0));
    count.textContent = n === 0 ? "Tick runs to compare or delete." : n === 1 ? "1 run: tick another to compare." : n > most ? `${n} runs: at most ${most} can be compared.` : `${n} runs`;
    for (const b of boxes()) b.closest("tr").classList.toggle("chosen-row", b.checked);
  }

  form.addEventListener("click", (event) => {
    if (!event.target.matches("input[name=run]")) return;
    const all = boxes();
    if (event.shiftKey && last) {
      const [a, b] = [all.indexOf(last), all.indexOf(event.target)].sort((x, y) => x - y);
      all.slice(Math.max(a, 0), b + 1).forEach((box) => (box.checked = event.target.checked));
    }
    last = event.target;
  });
  form.addEventListener("change", update);
  clear.addEventListener("click", () => {
    boxes().forEach((b) => (b.checked = false));
    update();
  });
  addEventListener("pageshow", update); // the browser may have kept the ticks of an earlier visit
  new MutationObserver(update).observe(table.tBodies[0], { childList: true });
  update();

  const rows = () => [...table.tBodies[0].rows];
  const current = () => table.querySelector("tr.current");
  function go(by) {
    const all = rows();
    const at = all.indexOf(current());
    const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
    current()?.classList.remove("current");
    next?.classList.add("current");
    next?.querySelector(".name a").focus({ preventScroll: true });
    next?.scrollIntoView({ block: "nearest" });
  }
  onKey("j", "Next run", () => go(1));
  onKey("k", "Previous run", () => go(-1));
  onKey("x", "Tick the run", () => {
    current()?.querySelector("input").click();
  });
  onKey("c", "Compare the ticked runs", () => compare.click());
}
