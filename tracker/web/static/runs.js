// The Runs page: searching while one types, rows that change while one looks, choosing, rating, saved views, and keys.
import { completeNames } from "./filter.js";
import { onKey } from "./keys.js";
import { follow } from "./live.js";
import { parse, say } from "./page.js";
import { choose } from "./runs-choose.js";
import { rateRows } from "./runs-rate.js";
import { search } from "./runs-search.js";
import { savedViews } from "./runs-views.js";

const list = document.getElementById("list");
const table = () => document.getElementById("runs");
const row = (id) => table()?.querySelector(`tr[data-id="${CSS.escape(id)}"]`);

const atOnce = 40; // rows that the server gives at once
let pending = new Set(); // ids of runs that have changed
let asking = false;

// MLflow's client prints links to pages as its own server has them, /#/experiments/…/runs/ID.
const [, mlflow, id] = location.hash.match(/^#(\/experiments)\/[\w-]+(?:\/runs\/([0-9a-z]+))?$/) ?? [];
if (mlflow) location.replace(id ? `/runs/${id}` : mlflow);
else if (list) start();
else follow(document.getElementById("nothing").dataset.cursor, () => location.reload()); // there is nothing to keep

function start() {
  const filter = document.getElementById("filter");
  completeNames(filter);
  if (filter.matches("[aria-invalid]")) filter.setSelectionRange(filter.value.length, filter.value.length);
  onKey("/", "Go to the search", () => filter.select());
  const chosen = choose(list);
  rateRows(list);
  savedViews();
  const found = search(document.getElementById("search"), list, chosen.update);
  follow(list.dataset.cursor, ({ runs, deleted, more }) => {
    if (more || !table()) return found.again();
    for (const id of deleted) row(id)?.remove();
    for (const id of runs) if (row(id) || list.dataset.usual === "true") pending.add(id);
    chosen.update();
    if (!asking) ask(chosen);
  });
}

/** ask has the rows of changed runs made anew. Changes that come meanwhile are asked for together. */
async function ask(chosen) {
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
      if (answer.ok && table()) place(parse(`<table><tbody>${await answer.text()}</tbody></table>`).querySelectorAll("tr"));
      chosen.update();
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
  table().tBodies[0].prepend(...fresh);
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
