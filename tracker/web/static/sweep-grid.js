// A sweep's grid: what its controls do, and what is new. The server puts trials into cells; what changes is taken from
// the page as it makes it.
import { onKey } from "./keys.js";
import { choosing } from "./sweep-choose.js";
import { Frames } from "./sweep-frames.js";
import { enlarging } from "./sweep-large.js";
import { fetchPage, take } from "./page.js";
import { followTrials } from "./sweep-live.js";
import { pictureAddress, ready, show } from "./sweep-picture.js";
import { stepping } from "./sweep-steps.js";

const $ = (id) => document.getElementById(id);
const controls = $("controls");
const cells = $("cells");
const frames = new Frames(location.pathname);
const trials = () => [...cells.querySelectorAll(".trial")];
const small = () => Number(cells.querySelector(".grid")?.dataset.small ?? 0);
const onScreen = new Set(); // trials that are, or are nearly; others are shown their picture when they come

/** hashOf is a trial's picture at the step that is chosen. */
function hashOf(trial) {
  return steps.step === Infinity ? trial.dataset.hash : frames.at(trial.dataset.run, steps.step);
}

function paintTrial(trial) {
  const image = trial.querySelector("img");
  if (!image) return null;
  const hash = hashOf(trial);
  image.classList.toggle("too-early", hash === "");
  return hash ? show(image, pictureAddress(hash, small())) : null;
}

function paint(next) {
  const seen = [...onScreen].filter((trial) => trial.isConnected);
  const painted = Promise.all(seen.map(paintTrial));
  large.update();
  if (next !== undefined) painted.then(() => seen.forEach((trial) => preload(trial, next)));
  return painted;
}

function preload(trial, step) {
  const hash = frames.at(trial.dataset.run, step);
  if (hash && trial.querySelector("img")) ready(pictureAddress(hash, small())).catch(() => {});
}

const watcher = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (!isIntersecting) onScreen.delete(target);
    else if (onScreen.add(target)) paintTrial(target);
  }
}, { rootMargin: "200px" });

const chosen = choosing(cells);
const steps = stepping((_, next) => {
  keepAddress();
  return paint(next);
});
const large = enlarging({ trials, hash: hashOf, neighbour, chosen, step: (by) => steps.by(by) });

/** address is that of what the controls say, as short as can be. */
function address() {
  const query = new URLSearchParams(new FormData(controls));
  for (const [name, value] of [...query]) if (name.startsWith("at.") && value === "0") query.delete(name);
  if (steps.step !== Infinity) query.set("step", steps.step);
  return `${location.pathname}?${query}`;
}

function keepAddress() {
  history.replaceState(null, "", address());
}

let loading = false;
let again = null; // what is to be loaded once that has ended

/** load shows what the controls say. Of changes that come while the server answers only the last counts. */
async function load(parts) {
  keepAddress();
  if (loading) {
    again = new Set([...(again ?? []), ...parts]);
    return;
  }
  loading = true;
  try {
    const page = await fetchPage();
    for (const part of parts) take(page, part);
    merge(document.adoptNode(page.getElementById("cells")));
    await learn();
  } catch (error) {
    $("chosen-count").textContent = `The grid could not be fetched: ${error.message}.`;
  } finally {
    loading = false;
    const next = again;
    again = null;
    if (next) await load([...next]);
  }
}

/** merge takes the new cells. A picture's element stays where it is and changes once its next picture is there. */
function merge(next) {
  const old = new Map(trials().map((t) => [t.dataset.at, t.querySelector("img")]));
  const focused = document.activeElement?.closest?.(".trial")?.dataset.at;
  const box = document.activeElement?.matches?.("input");
  const scrolled = cells.querySelector(".grid-frame")?.scrollLeft ?? 0;
  for (const trial of next.querySelectorAll(".trial")) {
    const [was, is] = [old.get(trial.dataset.at), trial.querySelector("img")];
    if (!was || !is) continue;
    was.alt = is.alt;
    is.replaceWith(was);
  }
  watcher.disconnect();
  onScreen.clear();
  cells.replaceChildren(...next.children);
  Object.assign(cells.dataset, next.dataset);
  const frame = cells.querySelector(".grid-frame");
  if (frame) frame.scrollLeft = scrolled;
  if (focused) cells.querySelector(`.trial[data-at="${focused}"] ${box ? "input" : "a"}`)?.focus({ preventScroll: true });
  trials().forEach((t) => watcher.observe(t));
  chosen.update();
}

/** learn fetches what the trials that are shown looked like on their way. */
async function learn() {
  const ids = trials().map((t) => t.dataset.run);
  await frames.load(ids);
  steps.set(frames.steps(ids));
  await paint();
}

/** neighbour is the trial at an offset in rows and columns. */
function neighbour(trial, down, right) {
  if (!trial) return null;
  const [row, column] = trial.dataset.at.split("-").map(Number);
  for (let r = row + down, c = column + right; r >= 0 && c >= 0 && r < 1000 && c < 1000; r += down, c += right) {
    const found = cells.querySelector(`.trial[data-at^="${r}-${c}-"]`);
    if (found) return found;
  }
  return null;
}

controls.addEventListener("submit", (event) => event.preventDefault());
controls.addEventListener("input", (event) => {
  const slider = event.target;
  if (!slider.name?.startsWith("at.")) return;
  const text = JSON.parse(slider.dataset.texts)[slider.value];
  slider.previousElementSibling.textContent = text;
  slider.setAttribute("aria-valuetext", text);
  load(["sweep-state"]);
});
controls.addEventListener("change", (event) => {
  if (event.target.type !== "range") load(["sweep-state", "sliders"]);
});
$("swap").addEventListener("click", (event) => {
  event.preventDefault();
  const { columns, rows } = controls.elements;
  [columns.value, rows.value] = [rows.value, columns.value];
  load(["sweep-state", "sliders"]);
});
onKey("w", "Swap rows and columns", () => $("swap").click());
onKey("x", "Choose the picture for comparing", () => {
  const trial = document.activeElement.closest(".trial");
  if (trial) chosen.toggle(trial);
});
onKey("c", "Compare the chosen pictures", () => chosen.compare());

cells.addEventListener("click", (event) => {
  const trial = event.target.closest(".trial-picture")?.closest(".trial");
  if (!trial || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  if (event.shiftKey) chosen.toggle(trial);
  else large.open(trial);
});
cells.addEventListener("keydown", (event) => {
  const [down, right] = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key] ?? [];
  const trial = event.target.closest(".trial");
  if (down === undefined || !trial) return;
  event.preventDefault();
  neighbour(trial, down, right)?.querySelector("a").focus();
});

trials().forEach((t) => watcher.observe(t));
learn().catch(() => {}); // without the way, there still is the end
followTrials(cells, async (ids) => {
  ids.forEach((id) => frames.forget(id));
  await load(["sweep-state", "sweep-unfair"]);
});
