// Judging: two pictures at a time, by keys, buttons or touch. Nothing here knows how the pictures were made.
import { onKey } from "./keys.js";
import { fetchPage, remember, remembered, take } from "./page.js";
import { followTrials } from "./sweep-live.js";
import { pictureAddress, ready } from "./sweep-picture.js";

const $ = (id) => document.getElementById(id);
const host = $("rate");
const ballot = $("ballot");
const { left, right, rater } = ballot.elements;
const canJudge = $("undo") !== null;
const judged = []; // {id, pair} of this visit, the latest last

let pair = left.value ? { left: { key: left.value, hash: hashOf("left") }, right: { key: right.value, hash: hashOf("right") } } : null;
let busy = false;

function hashOf(side) {
  return $(side).getAttribute("src").split("/").pop();
}

if (!rater.value) rater.value = remembered("rater", "");
rater.addEventListener("change", () => remember("rater", rater.value.trim()));

/** present shows a pair once both of its pictures are ready, so that neither is seen first. */
async function present(next) {
  pair = next;
  ballot.hidden = !next;
  $("too-few").hidden = Boolean(next);
  if (!next) return;
  const addresses = [next.left, next.right].map((p) => pictureAddress(p.hash));
  await Promise.all(addresses.map((a) => ready(a).catch(() => complain("A picture could not be loaded; gouache runs verify tells what is missing."))));
  [$("left").src, $("right").src] = addresses;
  [left.value, right.value] = [next.left.key, next.right.key];
}

async function send(address, form) {
  const answer = await fetch(address, { method: "POST", headers: { Accept: "application/json" }, body: new URLSearchParams(form) });
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return answer.json();
}

/** alone does something unless another such thing is going on: a second press of a key is of a picture not yet seen. */
async function alone(does) {
  if (busy || !canJudge) return;
  busy = true;
  ballot.classList.add("busy");
  $("problem").hidden = true;
  try {
    await does();
  } catch (error) {
    complain(`The judgement was not saved: ${error.message}. Load the page again.`);
  } finally {
    busy = false;
    ballot.classList.remove("busy");
  }
}

const judge = (verdict) => pair && alone(async () => {
  const was = pair;
  flash(verdict);
  const next = await send(ballot.action, { left: pair.left.key, right: pair.right.key, verdict, rater: rater.value.trim() });
  judged.push({ id: next.judged, pair: was });
  await show(next);
});

const undo = () => judged.length > 0 && alone(async () => {
  const last = judged.at(-1);
  const next = await send($("take-back").action, { judgement: last.id });
  judged.pop();
  await show({ ...next, pair: last.pair }); // the same again, to be judged anew
});

async function show(next) {
  $("undo").hidden = judged.length === 0;
  $("progress").textContent = `${next.progress}.`;
  await present(next.pair);
}

/** flash shows for a moment which picture was chosen. */
function flash(verdict) {
  $("ballot-pictures").dataset.verdict = verdict;
  setTimeout(() => delete $("ballot-pictures").dataset.verdict, 200);
}

function complain(text) {
  $("problem").textContent = text;
  $("problem").hidden = false;
}

ballot.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.submitter?.name === "verdict") judge(event.submitter.value);
});
if (canJudge) {
  $("take-back").addEventListener("submit", (event) => {
    event.preventDefault();
    undo();
  });
  if ($("judgement").value !== "0" && pair) judged.push({ id: $("judgement").value, pair });
  onKey("ArrowLeft ArrowRight", "The left or the right one is better", (key) => judge(key === "ArrowLeft" ? "left" : "right"));
  onKey("=", "A tie", () => judge("tie"));
  onKey("z Backspace", "Take the last judgement back", undo);
  addEventListener("keydown", (event) => { // a key that is held is one judgement, not many
    if (event.repeat && ["ArrowLeft", "ArrowRight", "=", "z", "Backspace"].includes(event.key) && !event.target.matches("input")) event.stopImmediatePropagation();
  }, true);
}

followTrials(host, async () => {
  const page = await fetchPage(`${location.pathname}?rater=${encodeURIComponent(rater.value.trim())}`);
  take(page, "sweep-state");
  if (busy) return;
  $("progress").textContent = page.getElementById("progress").textContent;
  if (!pair && page.getElementById("left").getAttribute("src")) location.reload();
});
