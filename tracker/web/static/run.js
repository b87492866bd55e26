// A run's page: the slider through its pictures, its curves, and what is new while it runs.
import { chart } from "./chart.js";
import { onKey } from "./keys.js";
import { follow } from "./live.js";
import { keepNote } from "./note.js";
import { parse, say } from "./page.js";
import { rate } from "./rating.js";
import { work } from "./run-again.js";
import { stage } from "./stage.js";

const run = document.getElementById("run");
const address = `/runs/${run.dataset.id}`;
const curves = chart(document.getElementById("curves"), address);
const picture = stage(run, curves);
const doing = work(address);

curves.load().then(picture.showTerms);
rate(document.getElementById("rating-form"));
keepNote(document.querySelector(".note-form"), run.dataset.id);
for (const [key, id, what] of [["k", "newer", "Newer run"], ["j", "older", "Older run"], ["u", "to-list", "Back to the list"]]) {
  onKey(key, what, () => document.getElementById(id)?.click());
}

let busy = false;
let again = false;

follow(run.dataset.cursor, ({ runs, deleted, more }) => {
  if (deleted.includes(run.dataset.id)) {
    showDeleted();
    return;
  }
  const mine = more || runs.includes(run.dataset.id);
  if (mine) refresh();
  doing.changed(mine);
});

/** refresh fetches what is new: points after the last, pictures, and the parts of the page that show its state. */
async function refresh() {
  again = busy;
  if (busy) return;
  busy = true;
  try {
    const status = await curves.loadMore();
    await picture.update(address);
    picture.showTerms();
    showProgress();
    if (status !== run.dataset.status) await changeStatus(status);
  } catch {
    // The server is gone; when it is back, the stream of events tells what was missed.
  } finally {
    busy = false;
    if (again) refresh();
  }
}

function showProgress() {
  const bar = document.querySelector("#run-head progress");
  const step = curves.lastStep();
  if (!bar || step < 0) return;
  bar.value = step;
  document.querySelector("#run-head .progress-text").textContent = `${step} of ${run.dataset.planned}`;
}

/** showDeleted says so, and leaves nothing that could still be done with the run. */
function showDeleted() {
  const text = "This run has been deleted.";
  say(text);
  document.getElementById("run-head").append(Object.assign(document.createElement("p"), { className: "notice", textContent: text }));
  for (const id of ["run-work", "run-end"]) document.getElementById(id)?.replaceChildren();
  for (const field of run.querySelectorAll(".people :is(input, textarea, button), .export-line button")) field.disabled = true;
}

/** changeStatus takes the head and the tables, which nobody types into, from the page as it is now. */
async function changeStatus(status) {
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const next = parse(await answer.text());
  const blank = document.getElementById("film") ? [] : ["canvas"]; // it says why there is no picture
  for (const id of ["run-head", "facts", "run-end", ...blank]) {
    const part = next.getElementById(id);
    if (part) document.getElementById(id)?.replaceWith(part);
  }
  run.dataset.status = status;
  say(`The run is ${status}.`);
}
